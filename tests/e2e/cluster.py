"""Kubernetes as a gateway sees it: manifests of Tyk Operator's kinds and the Secrets beside them, by `sallyctl`."""

import base64
import json

API_DEFINITION = """
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata:
  name: NAME
spec:
  name: NAME
  use_keyless: true
  protocol: http
  active: true
  proxy:
    target_url: TARGET
    listen_path: /NAME
    strip_listen_path: true
  version_data:
    default_version: Default
    not_versioned: true
    versions:
      Default:
        name: Default
"""


def api_definition(name, target, fields=""):
    """An ApiDefinition at /NAME; `fields` are more lines of its spec."""
    return API_DEFINITION.replace("NAME", name).replace("TARGET", target) + fields + "\n"


def tls_secret(name, certificate, key=b""):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": {
        "tls.crt": base64.b64encode(certificate).decode(), "tls.key": base64.b64encode(key).decode()}}) + "\n"


class Cluster:
    """What kubectl would be given."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = folder

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def apply(self, text, *options, code=0):
        done = self.world.gateway.run_ctl("apply", "-f", self.file("manifest.yaml", text), *options)
        assert done.returncode == code, done
        if code == 0 and "--dry-run" not in options:
            self.world.gateway.settle()
        return done

    def create_tls(self, name, pair, *options, code=0):
        done = self.world.gateway.run_ctl("create", "secret", "tls", name, "--cert", self.file("cert.pem", pair.pem),
                                          "--key", self.file("key.pem", pair.key_pem), *options)
        assert done.returncode == code, done
        self.world.gateway.settle()
        return done

    def get(self, path, client=None):
        return self.world.a.curl(f"/{path}/x", host="any.gw.test", client=client)
