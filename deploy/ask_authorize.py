#!/usr/bin/python3
"""Asks authsvc for a decision over gRPC, as any third party with a control certificate of role `decision` can.

    ask_authorize.py --target HOST:PORT --tls DIR --api ID [--cert client.pem] [--token-sha256 HEX]
                     [--method GET] [--path /]
    ask_authorize.py --target HOST:PORT --tls DIR --upstream-key API HOST PORT     (must be refused)

DIR holds tls.crt, tls.key and ca.crt. The stubs are made from proto/ by protoc and its grpc_python_plugin.
Prints one JSON object; exits 0 when allowed, 1 when refused, 2 when the question could not be asked."""

import argparse
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile

import grpc

PROTO = pathlib.Path(__file__).resolve().parent.parent / "proto"


TIMEOUT = 20  # seconds


def load_stubs(out):
    protos = ["sallyport/v1/identity.proto", "sallyport/v1/decision.proto"]
    plugin = subprocess.run(["which", "grpc_python_plugin"], capture_output=True, text=True).stdout.strip()
    if not plugin:
        sys.exit("ask_authorize: grpc_python_plugin is missing: run deploy/install build")
    subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={out}", f"--grpc_out={out}",
                    f"--plugin=protoc-gen-grpc={plugin}"] + protos, check=True)
    sys.path.insert(0, out)
    from sallyport.v1 import decision_pb2, decision_pb2_grpc
    return decision_pb2, decision_pb2_grpc


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True)
    parser.add_argument("--tls", required=True, type=pathlib.Path)
    parser.add_argument("--api")
    parser.add_argument("--cert", type=pathlib.Path)
    parser.add_argument("--token-sha256", default="")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--path", default="/")
    parser.add_argument("--upstream-key", nargs=3, metavar=("API", "HOST", "PORT"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sallyport-stubs-") as out:
        messages, services = load_stubs(out)
    credentials = grpc.ssl_channel_credentials(*[(args.tls / name).read_bytes()
                                                 for name in ("ca.crt", "tls.key", "tls.crt")])
    with grpc.secure_channel(args.target, credentials) as channel:
        stub = services.AuthorizationStub(channel)
        try:
            if args.upstream_key:
                api, host, port = args.upstream_key
                answer = stub.ResolveUpstream(messages.ResolveUpstreamRequest(
                    api_id=api, host=host, port=int(port), tls=True), timeout=TIMEOUT)
                print(json.dumps({"private_key_bytes": len(answer.client_key_der)}))
                return 0
            question = messages.AuthorizeRequest(api_id=args.api, tls=True, method=args.method, path=args.path)
            if args.cert:
                question.proof = messages.PROOF_TLS
                question.chain_der.append(ssl.PEM_cert_to_DER_cert(args.cert.read_text()))
            if args.token_sha256:
                question.credentials.add(mechanism="token", place="header", sha256=bytes.fromhex(args.token_sha256))
            decision = stub.Authorize(question, timeout=TIMEOUT).decision
        except grpc.RpcError as error:
            print(json.dumps({"error": error.code().name, "message": error.details()}))
            return 2
    print(json.dumps({"allowed": decision.reason == 0, "reason": decision.reason, "identity": decision.identity.name,
                      "asserted": decision.asserted, "detail": decision.detail}))
    return 0 if decision.reason == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
