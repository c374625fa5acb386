#include "authsvc/ctl/commands.h"

namespace sallyport::authsvc::ctl {
namespace {

const FlagSpec kOutput{"--output", "-o", true, "table (default), json or yaml"};
const FlagSpec kOrg{"--org", "", true, "organisation id"};

std::vector<Command> MakeCommands() {
  return {
      {"init", "DIR", "make a control PKI, a master key, the first admin key and both configuration files",
       "sallyctl init ./demo --host auth.example --host 10.0.0.5\n"
       "sallyctl init /etc/sallyport --state-dir /var/lib/sallyport --owner sallyport-authsvc "
       "--dataplane-owner sallyport-dataplane",
       {{"--host", "", true, "name or address of authsvc for its certificate (may be repeated)"},
        {"--trust-domain", "", true, "of the control certificates (default: sallyport)"},
        {"--group", "", true, "group of the data plane (default: default)"},
        {"--org", "", true, "organisation of documents that name none (default: default)"},
        {"--state-dir", "", true, "where the store goes (default: DIR/data)"},
        {"--owner", "", true, "user that runs authsvc: its files become this user's (default: yours)"},
        {"--dataplane-owner", "", true, "user that runs the data plane (default: that of --owner)"},
        {"--days", "", true, "lifetime of certificates (default: 365)"}},
       &RunInit},
      {"pki renew", "DIR", "make new control certificates in a directory of `sallyctl init`; services take them up",
       "sallyctl pki renew /etc/sallyport",
       {{"--days", "", true, "lifetime of certificates (default: 365)"},
        {"--host", "", true, "name or address of authsvc (default: as before)"}},
       &RunPkiRenew},
      {"pki issue", "DIR", "make one more control certificate",
       "sallyctl pki issue /etc/sallyport --role dataplane --group edge --name edge-1 --out ./edge-1",
       {{"--role", "", true, "dataplane, admin, reader or decision"},
        {"--group", "", true, "group (default: default)"},
        {"--name", "", true, "name in logs"},
        {"--out", "", true, "directory to write"},
        {"--days", "", true, "lifetime (default: 365)"}},
       &RunPkiIssue},
      {"apply", "-f FILE|DIR|-", "store documents of any dialect, all or nothing",
       "sallyctl apply -f api.json\nsallyctl apply -f ./definitions --set team-a --prune\n"
       "cat api.yaml | sallyctl apply -f - --dry-run",
       {{"--file", "-f", true, "file, directory or - (may be repeated)"},
        {"--as", "", true, "dialect: native, tyk-classic, tyk-key, tyk-policy, tyk-gateway"},
        {"--set", "", true, "name of the set that these documents are"},
        {"--prune", "", false, "delete what came with --set and is no longer there"},
        {"--dry-run", "", false, "say what would change"},
        {"--strict", "", false, "a reference to what is not there yet is an error"},
        {"--namespace", "-n", true, "namespace of documents that name none"},
        kOutput},
       &RunApply},
      {"get", "KIND [ID]", "show resources",
       "sallyctl get api\nsallyctl get api orders -o yaml\nsallyctl get settings gateway -o json",
       {kOutput, kOrg},
       &RunGet},
      {"delete", "KIND ID...", "delete resources",
       "sallyctl delete api orders\nsallyctl delete certificate ID --force",
       {{"--force", "", false, "also what the system itself uses"}},
       &RunDelete},
      {"cert add", "FILE|DIR...", "store certificates (PEM, DER, PKCS#12)",
       "sallyctl cert add client.pem\nsallyctl cert add upstream.p12 --password-file pass.txt\n"
       "sallyctl cert add renewed.pem --name partner\nsallyctl cert add ./clients --key-policy basic",
       {{"--name", "", true, "stable name to give or to move to it: name:NAME wherever an id goes"},
        {"--public", "", false, "leave out private keys that are in the files"},
        {"--key-policy", "", true, "also create a key with this policy for each certificate"},
        {"--password-file", "", true, "password of PKCS#12 files"},
        kOrg, kOutput},
       &RunCertAdd},
      {"cert ls", "", "list certificates", "sallyctl cert ls\nsallyctl cert ls -o json", {kOrg, kOutput}, &RunCertList},
      {"cert show", "ID|FILE", "show one certificate, of the store or of a file, with its id and SPKI pin",
       "sallyctl cert show client.pem",
       {kOrg, kOutput, {"--password-file", "", true, "password of a PKCS#12 file"}},
       &RunCertShow},
      {"cert rm", "ID...", "delete certificates; says whom that cuts off", "sallyctl cert rm ID",
       {{"--force", "", false, "also what the system itself uses"}},
       &RunCertRemove},
      {"key create", "", "create a key for a certificate, or with a token",
       "sallyctl key create --cert client.pem --api orders --alias \"partner A\"\n"
       "sallyctl key create --token --policy basic --expires 720h",
       {{"--cert", "", true, "certificate file; a private key in it is neither sent nor stored"},
        {"--token", "", false, "make a token; it is shown once"},
        {"--api", "", true, "API ids, by commas or repeated"},
        {"--policy", "", true, "policy ids, by commas or repeated"},
        {"--alias", "", true, "name of the caller"},
        {"--expires", "", true, "duration (720h) or time (2027-01-31T00:00:00Z)"},
        {"--rate", "", true, "requests per time: 10/1s, 100/1m"},
        {"--quota", "", true, "requests per time: 10000/24h"},
        {"--bind-cert", "", true, "certificate ids that the token may be used with"},
        {"--id", "", true, "id of the key"},
        {"--password-file", "", true, "password of a PKCS#12 file"},
        kOrg, kOutput},
       &RunKeyCreate},
      {"key ls", "", "list keys", "sallyctl key ls", {kOrg, kOutput}, &RunKeyList},
      {"key show", "ID", "show one key", "sallyctl key show ID -o yaml", {kOutput}, &RunKeyShow},
      {"key rm", "ID...", "delete keys; their connections are closed", "sallyctl key rm ID", {}, &RunKeyRemove},
      {"key enable", "ID...", "make keys active", "sallyctl key enable ID", {}, &RunKeyEnable},
      {"key disable", "ID...", "make keys inactive; their connections are closed", "sallyctl key disable ID", {},
       &RunKeyDisable},
      {"key rotate", "ID", "make another token; it is shown once", "sallyctl key rotate ID --keep-old",
       {{"--keep-old", "", false, "the old tokens stay valid"}, kOutput},
       &RunKeyRotate},
      {"explain", "", "why a caller is accepted or refused, step by step",
       "sallyctl explain --request 0af7651916cd43dd8448eb211c80319c   # X-Request-Id of an answer, or of the access log\n"
       "sallyctl explain --api orders --cert client.pem",
       {{"--request", "", true, "id of a request that was refused or let in (X-Request-Id)"},
        {"--api", "", true, "API id"},
        {"--cert", "", true, "certificate file"},
        {"--token-file", "", true, "file with a token, or - ; only its hash is sent"},
        {"--place", "", true, "where the token would be: header (default), query, cookie"},
        {"--plain-http", "", false, "as if the request came without TLS"},
        {"--password-file", "", true, "password of a PKCS#12 file"},
        kOutput},
       &RunExplain},
      {"watch", "", "print changes as they happen", "sallyctl watch\nsallyctl watch --kind Key --after 120",
       {{"--kind", "", true, "only this kind"}, {"--after", "", true, "start behind this revision"}, kOutput},
       &RunWatch},
      {"doctor", "", "what is expiring, insecure, pending, behind or unreachable", "sallyctl doctor", {kOutput},
       &RunDoctor},
      {"context", "", "show the context that commands use", "sallyctl context", {kOutput}, &RunContext},
      {"completion", "bash|zsh", "print a completion script", "source <(sallyctl completion bash)", {},
       &RunCompletion},
      {"version", "", "print the version", "sallyctl version\nsallyctl version -o json", {kOutput}, &RunVersion},
  };
}

}  // namespace

const std::vector<Command>& Commands() {
  static const auto& commands = *new std::vector<Command>(MakeCommands());
  return commands;
}

}  // namespace sallyport::authsvc::ctl
