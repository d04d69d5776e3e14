"""What the README claims about speed, to be measured again: see benchmarks/README.md."""
