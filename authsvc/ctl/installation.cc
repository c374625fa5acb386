#include "authsvc/ctl/installation.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/pki.h"
#include "shared/base/text.h"
#include "shared/config/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

constexpr absl::Duration kAuthorityLifetime = absl::Hours(24 * 3650);

bool IsAddress(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string();
}

bool IsDnsName(const std::string& text) {
  return !text.empty() && text.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                              std::string::npos;
}

absl::Status AddHosts(const std::vector<std::string>& hosts, IssueSpec* spec) {
  for (const std::string& host : hosts) {
    if (IsAddress(host))
      spec->addresses.push_back(host);
    else if (IsDnsName(host))
      spec->dns_names.push_back(host);
    else
      return absl::InvalidArgumentError(
          absl::StrCat("'", host, "' is neither a DNS name nor an address"));
  }
  return absl::OkStatus();
}

absl::StatusOr<IssueSpec> ServerSpec(const Installation& installation, absl::Duration lifetime) {
  IssueSpec spec;
  spec.common_name = "sallyport authsvc";
  spec.server = true;
  spec.lifetime = lifetime;
  spec.dns_names = {"localhost", "authsvc", "sallyport-authsvc"};
  spec.addresses = {"127.0.0.1", "::1"};
  const std::string own = HostName();
  if (IsDnsName(own)) spec.dns_names.push_back(own);
  absl::Status status = AddHosts(installation.hosts, &spec);
  if (!status.ok()) return status;
  return spec;
}

absl::StatusOr<IssuedPair> ReadAuthority(const Installation& installation) {
  auto certificate = ReadFile(installation.directory + "/ca/ca.crt");
  auto key = ReadFile(installation.directory + "/ca/ca.key");
  if (!certificate.ok()) return certificate.status();
  if (!key.ok()) return key.status();
  IssuedPair pair;
  pair.certificate_pem = *std::move(certificate);
  pair.key_pem = base::Secret(*std::move(key));
  return pair;
}

std::string Quoted(absl::string_view text) { return base::JsonQuote(text); }

}  // namespace

absl::Status CheckHosts(const std::vector<std::string>& hosts) {
  IssueSpec unused;
  return AddHosts(hosts, &unused);
}

absl::StatusOr<Owners> FindOwners(const Installation& installation) {
  Owners owners;
  for (const auto& [name, owner] : {std::pair{&installation.owner, &owners.authsvc},
                                    std::pair{&installation.dataplane_owner, &owners.dataplane}}) {
    if (name->empty()) continue;
    auto found = FindOwner(*name);
    if (!found.ok()) return found.status();
    *owner = *found;
  }
  return owners;
}

absl::StatusOr<Installation> ReadInstallation(const std::string& directory) {
  auto node = config::ReadYamlFile(directory + "/ca/installation.yaml");
  if (!node.ok()) {
    return absl::NotFoundError(absl::StrCat(directory, " is not a directory of `sallyctl init`: ",
                                            std::string(node.status().message())));
  }
  Installation installation;
  installation.directory = directory;
  installation.state_directory = directory + "/data";
  std::vector<std::string> errors;
  {
    config::Reader reader(&*node, "", &errors, nullptr);
    reader.Text("trust_domain", &installation.trust_domain, "of the control certificates");
    reader.Text("group", &installation.group, "of the data plane");
    reader.Text("org", &installation.org, "of documents that name none");
    reader.Texts("hosts", &installation.hosts, "names and addresses of authsvc");
    reader.Text("state_dir", &installation.state_directory, "where the store is");
    reader.Text("owner", &installation.owner, "user that runs authsvc");
    reader.Text("dataplane_owner", &installation.dataplane_owner, "user that runs the data plane");
  }
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return installation;
}

absl::Status MakeControlAuthority(const Installation& installation) {
  auto authority = MakeAuthority("sallyport control CA", absl::Now(), kAuthorityLifetime);
  if (!authority.ok()) return authority.status();
  absl::Status status =
      WriteFile(installation.directory + "/ca/ca.crt", authority->certificate_pem);
  if (status.ok())
    status = WriteFile(installation.directory + "/ca/ca.key", authority->key_pem.Reveal());
  std::vector<std::string> hosts;
  for (const std::string& host : installation.hosts) hosts.push_back(Quoted(host));
  const std::string facts = absl::StrCat(
      "trust_domain: ", Quoted(installation.trust_domain), "\ngroup: ", Quoted(installation.group),
      "\norg: ", Quoted(installation.org), "\nhosts: [", absl::StrJoin(hosts, ", "),
      "]\nstate_dir: ", Quoted(installation.state_directory),
      "\nowner: ", Quoted(installation.owner),
      "\ndataplane_owner: ", Quoted(installation.dataplane_owner), "\n");
  if (status.ok()) status = WriteFile(installation.directory + "/ca/installation.yaml", facts);
  return status;
}

absl::Status MakeRoleCertificate(const Installation& installation, const RoleCertificate& role,
                                 absl::Duration lifetime) {
  auto authority = ReadAuthority(installation);
  if (!authority.ok()) return authority.status();
  IssueSpec spec;
  spec.common_name = absl::StrCat("sallyport ", role.role, " ", role.name);
  spec.uri = absl::StrCat("spiffe://", installation.trust_domain, "/sallyport/", role.role, "/",
                          role.group, "/", role.name);
  spec.client = true;
  spec.lifetime = lifetime;
  auto pair = Issue(*authority, spec, absl::Now());
  if (!pair.ok()) return pair.status();
  return SwapDirectory(role.link, *pair, authority->certificate_pem, role.owner);
}

absl::Status MakeControlCertificates(const Installation& installation, absl::Duration lifetime) {
  auto authority = ReadAuthority(installation);
  if (!authority.ok()) return authority.status();
  auto spec = ServerSpec(installation, lifetime);
  if (!spec.ok()) return spec.status();
  const auto owners = FindOwners(installation);
  if (!owners.ok()) return owners.status();
  auto server = Issue(*authority, *spec, absl::Now());
  if (!server.ok()) return server.status();
  const std::string tls = installation.directory + "/tls/";
  absl::Status status =
      SwapDirectory(tls + "authsvc", *server, authority->certificate_pem, owners->authsvc);
  const std::string& group = installation.group;
  for (const RoleCertificate& role :
       {RoleCertificate{"dataplane", group, "dataplane", tls + "dataplane", owners->dataplane},
        RoleCertificate{"admin", "default", "admin", tls + "admin", {}},
        RoleCertificate{"reader", "default", "reader", tls + "reader", {}},
        RoleCertificate{"decision", "default", "decision", tls + "decision", {}}}) {
    if (status.ok()) status = MakeRoleCertificate(installation, role, lifetime);
  }
  return status;
}

absl::Status MakeTrafficCertificate(const Installation& installation, absl::Duration lifetime) {
  auto spec = ServerSpec(installation, lifetime);
  if (!spec.ok()) return spec.status();
  spec->common_name = "sallyport traffic (replace me)";
  auto pair = MakeSelfSigned(*spec, absl::Now());
  if (!pair.ok()) return pair.status();
  const auto owners = FindOwners(installation);
  if (!owners.ok()) return owners.status();
  return SwapDirectory(installation.directory + "/tls/traffic", *pair, "", owners->dataplane);
}

std::string AuthsvcYaml(const Installation& installation, absl::string_view admin_key_sha256) {
  const std::string& at = installation.directory;
  return absl::StrCat(
      "# sallyport-authsvc; every setting with its default: sallyport-authsvc --print-settings\n"
      "store: ",
      Quoted(absl::StrCat("sqlite:", installation.state_directory, "/authsvc.db")), "\n",
      "master_key_file: ", Quoted(at + "/master.key"), "\n",
      "trust_domain: ", Quoted(installation.trust_domain), "\n",
      "grpc:\n  port: 9443\n  tls_dir: ", Quoted(at + "/tls/authsvc"), "\n",
      "admin:\n  port: 9180\n  tls_dir: ", Quoted(at + "/tls/authsvc"),
      "\n  org_id: ", Quoted(installation.org), "\n",
      "  keys:\n    - name: first\n      sha256: ", admin_key_sha256, "\n",
      "metrics:\n  address: 127.0.0.1\n  port: 9464\n");
}

std::string DataplaneYaml(const Installation& installation) {
  const std::string& at = installation.directory;
  return absl::StrCat(
      "# sallyport-dataplane; every setting with its default: sallyport-dataplane "
      "--print-settings\n"
      "group: ",
      Quoted(installation.group), "\n",
      "authsvc:\n  targets: [\"127.0.0.1:9443\"]\n  tls_dir: ", Quoted(at + "/tls/dataplane"), "\n",
      "listeners:\n  - address: \"::\"\n    port: 8443\n    certificates:\n",
      "      # for names that no API serves; self-signed by sallyctl init: replace it\n",
      "      - certificate_file: ", Quoted(at + "/tls/traffic/tls.crt"), "\n",
      "        key_file: ", Quoted(at + "/tls/traffic/tls.key"), "\n",
      "metrics:\n  address: 127.0.0.1\n  port: 9465\n");
}

std::string ContextYaml(const Installation& installation) {
  return absl::StrCat("# sallyctl: export SALLYPORT_CONTEXT=", installation.directory,
                      "/sallyctl.yaml\n", "endpoint: \"127.0.0.1:9443\"\ntls_dir: ",
                      Quoted(installation.directory + "/tls/admin"), "\n");
}

}  // namespace sallyport::authsvc::ctl
