"""srcad: gradients of plain Python and NumPy functions, as source code that Numba compiles."""

from srcad import config as config
from srcad import rule as rule
from srcad.backend.pool import release_memory as release_memory
from srcad.checking import check_grads as check_grads
from srcad.derivative import Derivative as Derivative
from srcad.errors import ArgumentError as ArgumentError
from srcad.errors import ArgumentValueError as ArgumentValueError
from srcad.errors import CacheError as CacheError
from srcad.errors import CompilationError as CompilationError
from srcad.errors import GradientCheckError as GradientCheckError
from srcad.errors import SnapshotError as SnapshotError
from srcad.errors import SourceNotFoundError as SourceNotFoundError
from srcad.errors import SrcadError as SrcadError
from srcad.errors import TapeMemoryError as TapeMemoryError
from srcad.errors import UndefinedNameError as UndefinedNameError
from srcad.errors import UnsupportedError as UnsupportedError
from srcad.implicit import argmin as argmin
from srcad.implicit import fixed_point as fixed_point
from srcad.implicit import root as root
from srcad.inside import checkpoint as checkpoint
from srcad.inside import on_backward as on_backward
from srcad.inside import stop_gradient as stop_gradient
from srcad.inside import straight_through as straight_through
from srcad.jacobian import Hessian as Hessian
from srcad.jacobian import Jacobian as Jacobian
from srcad.transforms import batch as batch
from srcad.transforms import grad as grad
from srcad.transforms import hessian as hessian
from srcad.transforms import hvp as hvp
from srcad.transforms import jacobian as jacobian
from srcad.transforms import jvp as jvp
from srcad.transforms import value_and_grad as value_and_grad
from srcad.transforms import vjp as vjp

__version__ = "0.1.0"
