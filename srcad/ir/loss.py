"""What a function must return so that its gradient is defined: a float scalar.

``require_loss`` refuses the rest in the user's words. The pipeline asks it before an adjoint is
written, because the answer needs the function's result and nothing of its derivative.
"""

from srcad.errors import ArgumentError
from srcad.ir.typeof import describe
from srcad.ir.types import Array, Scalar, Static, Tuple, Type, is_complex, is_inexact
from srcad.position import Position


def require_loss(
    result: Type | None, name: str, has_aux: bool = False, at: Position | None = None
) -> None:
    """Raise ``ArgumentError`` unless ``result`` (its first member, with aux) is a float scalar.

    >>> require_loss(Scalar("float64"), "energy")
    >>> require_loss(Array("float64", 1), "energy")
    Traceback (most recent call last):
    srcad.errors.ArgumentError: energy returns a float64 array; the gradient needs one float scalar
      Instead: reduce it to a number, for example with np.sum, or use vjp, which takes a seed
    """
    if has_aux:
        if not isinstance(result, Tuple) or result.keys or len(result.items) < 2:
            raise ArgumentError(
                f"{name} returns {describe(result)}; "
                "with has_aux=True it must return a tuple (loss, aux...)",
                at,
                "return loss, aux",
            )
        loss, subject = result.items[0], "as the first member of its result"
    else:
        loss, subject = result, ""
    if isinstance(loss, Scalar) and is_inexact(loss.kind) and not is_complex(loss.kind):
        return
    returned = f"{name} returns {describe(loss)}{' ' if subject else ''}{subject}"
    raise ArgumentError(f"{returned}; the gradient needs one float scalar", at, _hint(loss, name))


def _hint(loss: Type | None, name: str) -> str:
    match loss:
        case None | Static(value=None):
            return f"return a number, or use vjp({name}, ..., outputs=...) for arrays that it fills"
        case Array():
            return "reduce it to a number, for example with np.sum, or use vjp, which takes a seed"
        case Tuple():
            return "return the loss alone, or (loss, aux...) with has_aux=True, or use vjp"
        case Scalar(kind=kind) if is_complex(kind):
            return "return a real number, such as .real or abs(...)**2, or use vjp with a seed"
        case Scalar():
            return "return a float: an integer or bool has no derivative"
        case _:
            return "return a float"
