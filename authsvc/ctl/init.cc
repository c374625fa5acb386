#include <unistd.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/installation.h"
#include "authsvc/ctl/output.h"
#include "authsvc/ctl/pki.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/random.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc::ctl {
namespace {

constexpr absl::string_view kUrlSafe = "A-Za-z0-9._-";

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

absl::StatusOr<absl::Duration> Lifetime(const Args& args) {
  int days = 365;
  if (args.Has("--days") &&
      (!absl::SimpleAtoi(args.Get("--days"), &days) || days < 1 || days > 3650)) {
    return absl::InvalidArgumentError("--days is a number from 1 to 3650");
  }
  return absl::Hours(24 * days);
}

std::string As(const std::string& user) {
  return user.empty() ? std::string() : absl::StrCat(", as user ", user);
}

std::string Or(std::string value, absl::string_view otherwise) {
  return value.empty() ? std::string(otherwise) : value;
}

absl::StatusOr<Installation> FromArgs(const Args& args) {
  Installation installation;
  installation.directory = Absolute(args.words()[0]);
  installation.trust_domain = Or(args.Get("--trust-domain"), "sallyport");
  installation.group = Or(args.Get("--group"), "default");
  installation.org = Or(args.Get("--org"), "default");
  installation.hosts = args.GetList("--host");
  installation.state_directory =
      Absolute(Or(args.Get("--state-dir"), installation.directory + "/data"));
  installation.owner = args.Get("--owner");
  installation.dataplane_owner = Or(args.Get("--dataplane-owner"), installation.owner);
  for (const std::string& name :
       {installation.trust_domain, installation.group, installation.org}) {
    if (!IsName(name))
      return absl::InvalidArgumentError(absl::StrCat("'", name, "' may only have ", kUrlSafe));
  }
  if (absl::Status status = CheckHosts(installation.hosts); !status.ok()) return status;
  if (const auto owners = FindOwners(installation); !owners.ok()) return owners.status();
  return installation;
}

absl::Status WriteSecrets(const Installation& installation, std::string* admin_key) {
  const base::Secret line = crypto::NewMasterKeyLine(
      absl::StrCat("k", absl::FormatTime("%Y%m%d", absl::Now(), absl::UTCTimeZone())));
  absl::Status status = WriteFile(installation.directory + "/master.key", line.Reveal());
  if (!status.ok()) return status;
  *admin_key = absl::WebSafeBase64Escape(crypto::RandomBytes(32));
  return absl::OkStatus();
}

absl::Status MakeDirectories(const Installation& installation, const Owners& owners) {
  for (const std::string& folder :
       {installation.directory, installation.directory + "/ca", installation.directory + "/tls",
        installation.state_directory}) {
    absl::Status status = MakeDirectory(folder);
    if (!status.ok()) return status;
  }
  if (!owners.authsvc.has_value() && !owners.dataplane.has_value()) return absl::OkStatus();
  absl::Status status = Give(installation.state_directory, owners.authsvc);
  for (const char* folder : {"", "/tls"}) {
    if (status.ok()) status = LetPass(installation.directory + folder);
  }
  return status;
}

// What each service must read; the CA, the admin certificate and sallyctl's context stay with who
// made them.
absl::Status GiveFiles(const std::string& directory, const Owners& owners) {
  absl::Status status = Give(directory + "/master.key", owners.authsvc);
  if (status.ok()) status = Give(directory + "/authsvc.yaml", owners.authsvc);
  if (status.ok()) status = Give(directory + "/dataplane.yaml", owners.dataplane);
  return status;
}

absl::Status Make(const Installation& installation, absl::Duration lifetime,
                  std::string* admin_key) {
  const auto owners = FindOwners(installation);
  if (!owners.ok()) return owners.status();
  absl::Status made = MakeDirectories(installation, *owners);
  if (!made.ok()) return made;
  absl::Status status = MakeControlAuthority(installation);
  if (status.ok()) status = MakeControlCertificates(installation, lifetime);
  if (status.ok()) status = MakeTrafficCertificate(installation, lifetime);
  if (status.ok()) status = WriteSecrets(installation, admin_key);
  if (!status.ok()) return status;
  const std::string hash = base::Hex(crypto::Sha256(*admin_key));
  status = WriteFile(installation.directory + "/authsvc.yaml", AuthsvcYaml(installation, hash));
  if (status.ok())
    status = WriteFile(installation.directory + "/dataplane.yaml", DataplaneYaml(installation));
  if (status.ok())
    status = WriteFile(installation.directory + "/sallyctl.yaml", ContextYaml(installation));
  if (status.ok()) status = GiveFiles(installation.directory, *owners);
  return status;
}

}  // namespace

int RunInit(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("init DIR");
  auto installation = FromArgs(args);
  auto lifetime = Lifetime(args);
  if (absl::IsNotFound(installation.status())) return session.Fail(installation.status());
  if (!installation.ok()) return session.Usage(std::string(installation.status().message()));
  if (!lifetime.ok()) return session.Usage(std::string(lifetime.status().message()));
  const std::string& directory = installation->directory;
  if (Exists(directory + "/ca") || Exists(directory + "/authsvc.yaml") ||
      Exists(directory + "/master.key")) {
    return session.Fail(absl::AlreadyExistsError(absl::StrCat(
        directory,
        " already holds an installation; `sallyctl pki renew` makes new certificates for it")));
  }
  std::string admin_key;
  if (absl::Status status = Make(*installation, *lifetime, &admin_key); !status.ok())
    return session.Fail(status);
  const bool one_user = installation->dataplane_owner == installation->owner;
  session.out()
      << "Made in " << directory << ":\n"
      << "  ca/             control CA; keep ca.key off the machines that serve\n"
      << "  tls/            control certificates of authsvc, dataplane, admin, reader, decision\n"
      << "  tls/traffic     self-signed certificate for clients: replace it\n"
      << "  master.key      seals private keys in the store; back it up apart from the store\n"
      << "  authsvc.yaml, dataplane.yaml, sallyctl.yaml\n"
      << "The store will be in " << installation->state_directory << '\n'
      << '\n'
      << "Admin key (shown once): " << admin_key << "\n\n"
      << "Next" << As(installation->owner) << ":\n"
      << "  sallyport-authsvc --config " << directory << "/authsvc.yaml\n"
      << (one_user ? "" : absl::StrCat("And", As(installation->dataplane_owner), ":\n"))
      << "  sallyport-dataplane --config " << directory << "/dataplane.yaml\n"
      << (installation->owner.empty()
              ? ""
              : "or: systemctl enable --now sallyport-authsvc sallyport-dataplane\n")
      << "  export SALLYPORT_CONTEXT=" << directory << "/sallyctl.yaml\n"
      << "  sallyctl doctor\n";
  return kDone;
}

int RunPkiRenew(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("pki renew DIR");
  auto lifetime = Lifetime(args);
  if (!lifetime.ok()) return session.Usage(std::string(lifetime.status().message()));
  auto installation = ReadInstallation(Absolute(args.words()[0]));
  if (!installation.ok()) return session.Fail(installation.status());
  if (args.Has("--host")) installation->hosts = args.GetList("--host");
  if (absl::Status hosts = CheckHosts(installation->hosts); !hosts.ok())
    return session.Usage(std::string(hosts.message()));
  const absl::Status status = MakeControlCertificates(*installation, *lifetime);
  if (!status.ok()) return session.Fail(status);
  session.out() << "renewed the control certificates in " << installation->directory
                << "/tls; running services take them up within some seconds\n";
  return kDone;
}

int RunPkiIssue(Session& session, const Args& args) {
  if (args.words().size() != 1 || !args.Has("--role") || !args.Has("--name") ||
      !args.Has("--out")) {
    return session.Usage("pki issue DIR --role ROLE --name NAME --out DIR2");
  }
  const std::string role = args.Get("--role");
  const std::string group = Or(args.Get("--group"), "default");
  const std::string name = args.Get("--name");
  if (role != "dataplane" && role != "admin" && role != "reader" && role != "decision") {
    return session.Usage("--role must be dataplane, admin, reader or decision");
  }
  if (!IsName(group) || !IsName(name))
    return session.Usage(absl::StrCat("--group and --name may only have ", kUrlSafe));
  auto lifetime = Lifetime(args);
  if (!lifetime.ok()) return session.Usage(std::string(lifetime.status().message()));
  auto installation = ReadInstallation(Absolute(args.words()[0]));
  if (!installation.ok()) return session.Fail(installation.status());
  const absl::Status status = MakeRoleCertificate(
      *installation, {role, group, name, Absolute(args.Get("--out"))}, *lifetime);
  if (!status.ok()) return session.Fail(status);
  session.out() << "made " << Absolute(args.Get("--out")) << " for " << role << "/" << group << "/"
                << name << '\n';
  return kDone;
}

}  // namespace sallyport::authsvc::ctl
