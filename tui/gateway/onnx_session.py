"""ONNX sessions of one thread, for the small models that run beside the recogniser."""

from typing import Any


def open_session(model: bytes) -> Any:
    """Return an `onnxruntime.InferenceSession` on the CPU with one thread.

    Args:
        model: content of an ONNX file. The runtime would report a file without read permission as one that is broken.

    Raises:
        ValueError: it is not a model that the runtime can run.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"], sess_options=options)
    except (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NotImplemented,
        state.RuntimeException,
    ) as error:
        # The last part of the message; a code and the file come before it.
        raise ValueError(str(error).strip().rsplit("failed:", 1)[-1].splitlines()[0].strip()) from error
