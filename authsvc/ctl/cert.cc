#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/ctl/calls.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/files.h"
#include "authsvc/ctl/output.h"
#include "authsvc/ctl/resource_text.h"
#include "authsvc/ctl/resources.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

struct Added {
  std::string file;
  std::string id;
  std::string result;  // added | exists | failed
  std::string key;     // with --key-policy
  std::string message;
};

absl::StatusOr<std::vector<std::string>> CertificateFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!IsDirectory(path)) {
      files.push_back(path);
      continue;
    }
    auto inside = FilesIn(path, {".pem", ".crt", ".cer", ".der", ".p12", ".pfx"});
    if (!inside.ok()) return inside.status();
    if (inside->empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " has no .pem, .crt, .cer, .der, .p12 or .pfx file"));
    }
    files.insert(files.end(), inside->begin(), inside->end());
  }
  return files;
}

class Adder {
 public:
  Adder(Session& session, Client& client, const Args& args, absl::string_view password)
      : session_(session), client_(client), args_(args), password_(password) {}

  Added Add(const std::string& path) {
    Added added;
    added.file = path;
    auto file = ReadCertificateFile(path, password_);
    absl::Status status = file.ok() ? Store(*file, &added) : file.status();
    if (status.ok() && args_.Has("--key-policy")) status = MakeKey(*file, &added);
    if (!status.ok()) {
      added.result = "failed";
      added.message = std::string(status.message());
    }
    return added;
  }

 private:
  // With --key-policy these are clients: their private keys have no business here.
  bool PublicOnly() const { return args_.Has("--public") || args_.Has("--key-policy"); }

  absl::Status Store(const CertificateFile& file, Added* added) {
    wire::AddCertificateRequest request;
    if (PublicOnly() || !file.has_private_key()) {
      request.set_content(file.PublicPem());
      if (file.has_private_key()) session_.err() << LeftOutLine(file.path) << '\n';
    } else {
      base::Secret full = file.FullPem();
      request.set_content(full.Reveal().data(), full.Reveal().size());
      session_.err() << "the private key in " << file.path
                     << " is stored as well, sealed (--public leaves it out)\n";
    }
    request.set_org_id(args_.Get("--org"));
    request.set_name(args_.Get("--name"));
    wire::AddCertificateResponse response;
    absl::Status status =
        client_.Call(&wire::Admin::Stub::AddCertificate, client_.admin(), request, &response);
    base::Cleanse(request.mutable_content());
    if (!status.ok()) return status;
    added->id = response.id();
    added->result = response.existed() ? "exists" : "added";
    for (const std::string& warning : response.warnings()) {
      session_.Warn(absl::StrCat(file.path, ": ", Printable(warning)));
    }
    return absl::OkStatus();
  }

  absl::Status MakeKey(const CertificateFile& file, Added* added) {
    if (file.bundle.chain.empty())
      return absl::InvalidArgumentError("a bare public key cannot be a key's certificate");
    wire::CreateKeyRequest request;
    request.mutable_key()->set_org_id(args_.Get("--org"));
    request.mutable_key()->set_alias(file.bundle.chain.front()->subject);
    for (const std::string& policy : args_.GetList("--key-policy"))
      request.mutable_key()->add_policy_ids(policy);
    request.mutable_key()->add_certificate_ids(added->id);
    wire::CreateKeyResponse response;
    absl::Status status =
        client_.Call(&wire::Admin::Stub::CreateKey, client_.admin(), request, &response);
    if (absl::IsAlreadyExists(status)) return TakeExistingKey(status, added);
    if (status.ok()) added->key = response.id();
    return status;
  }

  // A run that is repeated finds its own keys, whatever they may do by now; any other key is not
  // what was asked for.
  absl::Status TakeExistingKey(const absl::Status& refusal, Added* added) {
    wire::WhoUsesRequest request;
    request.set_certificate_id(added->id);
    wire::WhoUsesResponse uses;
    absl::Status status =
        client_.Call(&wire::Admin::Stub::WhoUses, client_.admin(), request, &uses);
    if (!status.ok()) return status;
    for (const wire::Usage& use : uses.usages()) {
      if (use.kind() != "Key" || use.how() != "key") continue;
      const auto resource = GetOne(client_, "Key", use.id());
      if (!resource.ok()) return resource.status();
      return CheckExistingKey(resource->key(), added);
    }
    return refusal;
  }

  absl::Status CheckExistingKey(const wire::Key& key, Added* added) {
    std::vector<std::string> wanted = args_.GetList("--key-policy");
    std::vector<std::string> held(key.policy_ids().begin(), key.policy_ids().end());
    std::sort(wanted.begin(), wanted.end());
    std::sort(held.begin(), held.end());
    if (held != wanted) {
      return absl::AlreadyExistsError(absl::StrCat(
          "key ", Printable(key.id()), " has this certificate, with ",
          held.empty() ? "no policy"
                       : absl::StrCat("policy ", Printable(absl::StrJoin(held, ", ")))));
    }
    added->key = key.id();
    if (key.inactive()) added->message = "the key is disabled";
    return absl::OkStatus();
  }

  Session& session_;
  Client& client_;
  const Args& args_;
  const absl::string_view password_;
};

void PrintAdded(Session& session, const Args& args, const std::vector<Added>& all) {
  const std::string format = args.Get("--output");
  if (format.empty() || format == "table") {
    std::vector<std::vector<std::string>> rows;
    for (const Added& added : all)
      rows.push_back({added.file, added.result, added.id, added.key, added.message});
    return PrintTable(session.out(), {"FILE", "RESULT", "ID", "KEY", "MESSAGE"}, rows);
  }
  Json json = Json::array();
  for (const Added& added : all) {
    json.push_back({{"file", added.file},
                    {"result", added.result},
                    {"id", added.id},
                    {"key", added.key},
                    {"message", added.message}});
  }
  format == "json" ? PrintJson(session.out(), json.dump()) : PrintYaml(session.out(), json.dump());
}

Json Facts(const crypto::Certificate& certificate) {
  Json json = {{"fingerprint", base::Hex(certificate.fingerprint)},
               {"spki_sha256", base::Hex(certificate.spki_sha256)},
               {"subject", certificate.subject},
               {"issuer", certificate.issuer},
               {"serial", base::Hex(certificate.serial)},
               {"not_before", absl::FormatTime(certificate.not_before, absl::UTCTimeZone())},
               {"not_after", absl::FormatTime(certificate.not_after, absl::UTCTimeZone())},
               {"key", certificate.key_algorithm},
               {"ca", certificate.is_ca}};
  for (const std::string& name : certificate.dns_sans) json["sans"].push_back("DNS:" + name);
  for (const std::string& name : certificate.uri_sans) json["sans"].push_back("URI:" + name);
  for (const std::string& name : certificate.ip_sans) json["sans"].push_back("IP:" + name);
  for (const std::string& name : certificate.email_sans) json["sans"].push_back("email:" + name);
  return json;
}

void PrintFacts(Session& session, const Args& args, const Json& json) {
  if (args.Get("--output") == "json") return PrintJson(session.out(), json.dump());
  PrintYaml(session.out(), json.dump());
}

int ShowFile(Session& session, const Args& args, const std::string& path) {
  auto password = ReadPassword(args.Get("--password-file"));
  if (!password.ok()) return session.Fail(password.status());
  const auto file = ReadCertificateFile(path, password->Reveal());
  if (!file.ok()) return session.Fail(file.status());
  const std::string org = args.Has("--org") ? args.Get("--org") : "default";
  Json json = Json::array();
  for (const auto& certificate : file->bundle.chain) {
    Json facts = {{"id", crypto::CertificateId(org, *certificate)}};
    facts.update(Facts(*certificate));
    json.push_back(std::move(facts));
  }
  if (!file->bundle.public_key_der.empty()) {
    json.push_back({{"id", crypto::PublicKeyId(org, file->bundle.public_key_der)},
                    {"spki_sha256", base::Hex(crypto::Sha256(file->bundle.public_key_der))}});
  }
  PrintFacts(session, args, json);
  return kDone;
}

}  // namespace

int RunCertAdd(Session& session, const Args& args) {
  if (args.words().empty()) return session.Usage("cert add FILE|DIR...");
  auto files = CertificateFiles(args.words());
  if (!files.ok()) return session.Fail(files.status());
  if (files->size() > 1 && args.Has("--name")) return session.Usage("--name goes with one file");
  auto password = ReadPassword(args.Get("--password-file"));
  if (!password.ok()) return session.Fail(password.status());
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  Adder adder(session, **client, args, password->Reveal());
  std::vector<Added> all;
  size_t failed = 0;
  for (const std::string& path : *files) {
    all.push_back(adder.Add(path));
    if (all.back().result == "failed") ++failed;
  }
  PrintAdded(session, args, all);
  if (all.size() > 1) session.err() << all.size() - failed << " stored, " << failed << " failed\n";
  return failed == 0 ? kDone : kRefused;
}

int RunCertList(Session& session, const Args& args) {
  return ShowResources(session, args, "Certificate", "");
}

int RunCertShow(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("cert show ID|FILE");
  const std::string& word = args.words()[0];
  if (word == "-" || Exists(word)) return ShowFile(session, args, word);
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  const auto resource = GetOne(**client, "Certificate", word);
  if (!resource.ok()) return session.Fail(resource.status());
  Json json = {{"id", resource->certificate().id()}, {"name", resource->certificate().name()}};
  for (const std::string& der : resource->certificate().chain_der()) {
    const auto certificate = crypto::ParseCertificate(der);
    json["chain"].push_back(certificate.ok() ? Facts(**certificate) : Json("does not parse"));
  }
  wire::WhoUsesRequest request;
  request.set_certificate_id(word);
  wire::WhoUsesResponse uses;
  const absl::Status status =
      (*client)->Call(&wire::Admin::Stub::WhoUses, (*client)->admin(), request, &uses);
  if (!status.ok()) return session.Fail(status);
  for (const wire::Usage& use : uses.usages()) {
    json["used_by"].push_back(absl::StrCat(use.kind(), " ", use.id(), ": ", use.how()));
  }
  PrintFacts(session, args, json);
  return kDone;
}

int RunCertRemove(Session& session, const Args& args) {
  if (args.words().empty()) return session.Usage("cert rm ID...");
  return DeleteResources(session, "Certificate", args.words(), args.Has("--force"));
}

}  // namespace sallyport::authsvc::ctl
