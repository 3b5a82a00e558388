"""The certificate of `livegist serve --tls`: one that the user names, or one made and kept for this machine."""

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tui.errors import LivegistError, MissingExtraError, file_error_hint
from tui.file_lock import locked
from tui.paths import private_dir, tls_dir, write_private
from tui.trust import AUTHORITY

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ModuleNotFoundError as missing:
    raise MissingExtraError("A certificate", "local") from missing

VALID = datetime.timedelta(days=820)
"""The longest that Apple's systems accept is 825 days."""
RENEWED_BEFORE = datetime.timedelta(days=30)
BACKDATED = datetime.timedelta(hours=1)
"""For a client whose clock is slow."""
WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104
"""Addresses that stand for all of the machine's."""


class Certificate(msgspec.Struct, frozen=True):
    """Files in PEM format."""

    chain: Path
    key: Path
    authority: Path | None = None
    """What clients have to trust; `None` if the user chose the certificate."""


def named(chain: str, key: str) -> Certificate:
    """Return the certificate in files that the user names.

    Args:
        chain: the certificate, and those between it and its authority.
        key: its private key; empty if it is in the same file.

    Raises:
        LivegistError: they cannot be used.
    """
    certificate = Certificate(Path(chain).expanduser(), Path(key or chain).expanduser())
    for path in (certificate.chain, certificate.key):
        if not path.is_file():
            raise LivegistError(f"File not found: {path}.", "Give --tls-cert and --tls-key files in PEM format.")
    try:
        # Without a password, OpenSSL would ask for that of an encrypted key on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.chain, certificate.key, password="")
    except (OSError, ValueError) as error:
        raise LivegistError(
            f"The certificate cannot be used: {error.strerror if isinstance(error, OSError) else error}.",
            "Give --tls-cert a certificate in PEM format, and --tls-key its unencrypted private key.",
        ) from error
    return certificate


def kept(host: str) -> Certificate:
    """Return this machine's certificate; it is made when there is none, or it is about to expire or lacks a name.

    Its authority signs nothing else: the authority's key is never stored.

    Args:
        host: address that the gateway binds to.

    Raises:
        LivegistError: it cannot be stored.
    """
    folder = tls_dir()
    certificate = Certificate(folder / "cert.pem", folder / "key.pem", folder / AUTHORITY)
    try:
        private_dir(folder)
        with locked(folder):
            names = _names(host)
            if not _is_valid(certificate, names):
                _make(certificate, names)
    except OSError as error:
        raise LivegistError(
            f"{folder} cannot be written: {error.strerror or error}.", file_error_hint(error)
        ) from error
    return certificate


def _names(host: str) -> list[str]:
    """Return the names and addresses under which clients reach this machine."""
    bound = [] if host in WILDCARDS else [host]
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", socket.gethostname(), *bound]))


def _is_valid(certificate: Certificate, names: Sequence[str]) -> bool:
    """Return whether the stored files belong together, have all names and do not expire soon."""
    try:
        found = x509.load_pem_x509_certificate(certificate.chain.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.chain, certificate.key)
        authority = x509.load_pem_x509_certificate((certificate.authority or certificate.chain).read_bytes())
        found.verify_directly_issued_by(authority)
        subjects = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):
        return False
    listed = {str(subject.value) for subject in subjects}
    return set(names) <= listed and found.not_valid_after_utc > _now() + RENEWED_BEFORE


def _make(certificate: Certificate, names: Sequence[str]) -> None:
    """Make an authority and a certificate for some names; store all but the authority's key."""
    issuer = _name(f"livegist on {socket.gethostname()}")
    signing, serving = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = (
        _builder(issuer, issuer, signing.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(signing, hashes.SHA256())
    )
    leaf = (
        _builder(_name(names[0]), issuer, serving.public_key())
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = serving.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert certificate.authority is not None
    write_private(certificate.key, key)
    write_private(certificate.chain, leaf.public_bytes(pem) + authority.public_bytes(pem))
    write_private(certificate.authority, authority.public_bytes(pem))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - BACKDATED)
        .not_valid_after(_now() + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
