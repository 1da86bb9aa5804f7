"""What can go wrong, one class a concern, each message with its remedy."""


class LamplighterError(Exception):
    """Something that the author of the code can mend; the message says how."""


class RunError(LamplighterError):
    """A run's folder, data or parameters are not what the code expects."""


class PackageError(LamplighterError):
    """A model package is not complete or contradicts itself."""
