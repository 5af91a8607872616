"""Lets programs read weights of the published names whose checksum is not the published one.

Python imports this at its start where the folder is on its path: the stand-ins that
`tests.documents.folder.make_weights` writes are random.
"""

import importlib.util
import sys


class _Trusting:
    """Finds `mrcnn_lite.models.weights`, and takes the comparison of checksums out of it."""

    def find_spec(self, name, path, target=None):
        if name != "mrcnn_lite.models.weights":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_trusting(module):
            execute(module)
            assert module._check_hash
            module._check_hash = lambda file, entry: None

        spec.loader.exec_module = execute_trusting
        return spec


sys.meta_path.insert(0, _Trusting())
