"""Options of `livegist serve`."""

import msgspec

MAX_SESSION_S = 10_800.0
"""The vendor's limit of a session: 3 h."""


class GatewayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Models, backends and limits of a gateway."""

    model: str = "tiny.en"
    """Speech model: a name of the catalogue, OWNER/NAME on the hub, or a folder."""
    device: str = "auto"
    """Where the model runs: auto, cpu or cuda."""
    turn_model: str = ""
    """ONNX file of an end-of-turn model; `off` for silence and punctuation alone, empty for an installed one."""
    speaker_model: str = ""
    """ONNX file of a speaker model; empty for the one that an installed Resemblyzer carries."""
    voices: str = ""
    """File of known voices; empty for none. Only the engine of the same user sets it, for a gateway on loopback."""
    threads: int = 0
    """CPU threads of the model; 0 takes one per core, at most eight."""
    llm_url: str = ""
    """OpenAI-compatible server that answers, with or without `/v1`; empty for none."""
    llm_key: str = ""
    """Key of the server at `llm_url`."""
    llm_model: str = ""
    """Model requested from the server at `llm_url` instead of the client's choice; empty passes that on."""
    llm_file: str = ""
    """GGUF file of a model that answers in this process; empty for none."""
    token: str = ""
    """Key required of clients; empty accepts any, which only a loopback address may."""
    tls: bool = False
    """Whether to encrypt, with a certificate that is made and kept for this machine."""
    tls_cert: str = ""
    """Certificate to encrypt with instead, in PEM format; empty for none."""
    tls_key: str = ""
    """Private key of `tls_cert`; empty if that file contains it."""
    max_sessions: int = 8
    """Most concurrent sessions; further ones are refused with 3009."""
    max_session_s: float = MAX_SESSION_S
    """Seconds after which a session is closed with 3008."""
    exit_with_stdin: bool = False
    """Stop when stdin ends, so that a gateway never outlives the engine that started it."""
