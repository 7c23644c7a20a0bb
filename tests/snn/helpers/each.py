"""Many small cases in one test, since a test costs more than they do."""

import contextlib
import functools
import inspect
import itertools


@contextlib.contextmanager
def case(**values):
    """Add a note that names the case to the error with which it fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case of {', '.join(f'{name} = {value!r}' for name, value in values.items())}")
        raise


def named(run, test, signature=None):
    """Give a function the name of a test, not its arguments."""
    signature = signature or inspect.signature(run)
    functools.update_wrapper(run, test)
    del run.__wrapped__
    run.__signature__ = signature
    return run


def each(**axes):
    """Have a test take each combination of values in one run, where `pytest.mark.parametrize` makes a test of each."""

    def decorate(test):
        def run(**given):
            for values in itertools.product(*axes.values()):
                chosen = dict(zip(axes, values, strict=True))
                with case(**chosen):
                    test(**given, **chosen)

        left = [parameter for name, parameter in inspect.signature(test).parameters.items() if name not in axes]
        return named(run, test, inspect.Signature(left))

    return decorate
