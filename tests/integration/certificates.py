"""Certificates for tests of TLS, made anew each time: an authority, a broker's, a client's, and a strange authority.

They are good for a day, and for this machine only.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Key = ec.EllipticCurvePrivateKey


def write_certificates(folder: Path) -> None:
    """`authority.pem`, `stranger.pem`, and of both the broker and the client a key and a certificate."""
    authority, of_authority = _made("authority")
    (folder / "authority.pem").write_bytes(_pem(authority))
    (folder / "stranger.pem").write_bytes(_pem(_made("stranger")[0]))
    for name in ("broker", "client"):
        certificate, key = _made(name, (authority, of_authority))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.key").write_bytes(secret)
        (folder / f"{name}.crt").write_bytes(_pem(certificate))
        (folder / f"{name}.pem").write_bytes(secret + _pem(certificate) + _pem(authority))


def _made(name: str, issuer: tuple[x509.Certificate, Key] | None = None) -> tuple[x509.Certificate, Key]:
    """A certificate and its key, signed by itself or by an issuer."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(here, critical=False)
    )
    return made.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
