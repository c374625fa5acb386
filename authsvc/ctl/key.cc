#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "authsvc/ctl/calls.h"
#include "authsvc/ctl/certificate_file.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/key_limits.h"
#include "authsvc/ctl/output.h"
#include "authsvc/ctl/resources.h"

namespace sallyport::authsvc::ctl {
namespace {

namespace wire = ::sallyport::v1;
using Json = nlohmann::ordered_json;

absl::Status FillKey(const Args& args, wire::Key* key) {
  key->set_id(args.Get("--id"));
  key->set_org_id(args.Get("--org"));
  key->set_alias(args.Get("--alias"));
  for (const std::string& api : args.GetList("--api")) key->add_access_rights()->set_api_id(api);
  for (const std::string& policy : args.GetList("--policy")) key->add_policy_ids(policy);
  for (const std::string& id : args.GetList("--bind-cert")) key->add_bound_certificate_ids(id);
  if (args.Has("--rate")) {
    absl::Status status = ParseRate(args.Get("--rate"), key->mutable_limits()->mutable_rate());
    if (!status.ok()) return status;
  }
  if (args.Has("--quota")) {
    absl::Status status = ParseQuota(args.Get("--quota"), key->mutable_limits()->mutable_quota());
    if (!status.ok()) return status;
  }
  if (args.Has("--expires")) {
    auto when = ParseExpiry(args.Get("--expires"), absl::Now());
    if (!when.ok()) return when.status();
    key->set_expires_unix(*when);
  }
  return absl::OkStatus();
}

absl::Status FillCertificate(Session& session, const Args& args, wire::CreateKeyRequest* request) {
  const std::string path = args.Get("--cert");
  if (path.empty()) return absl::OkStatus();
  auto password = ReadPassword(args.Get("--password-file"));
  if (!password.ok()) return password.status();
  const auto file = ReadCertificateFile(path, password->Reveal());
  if (!file.ok()) return file.status();
  if (file->bundle.chain.empty())
    return absl::InvalidArgumentError(absl::StrCat(path, " has no certificate"));
  request->set_certificate(file->PublicPem());
  if (file->has_private_key()) session.err() << LeftOutLine(path) << '\n';
  return absl::OkStatus();
}

void PrintMade(Session& session, const Args& args, const wire::CreateKeyResponse& response) {
  for (const std::string& warning : response.warnings()) session.Warn(Printable(warning));
  const std::string format = args.Get("--output");
  if (format == "json" || format == "yaml") {
    Json json = {{"id", response.id()}, {"revision", response.revision()}};
    if (!response.token().empty()) json["token"] = response.token();
    format == "json" ? PrintJson(session.out(), json.dump())
                     : PrintYaml(session.out(), json.dump());
    return;
  }
  session.out() << "key " << Printable(response.id()) << '\n';
  if (!response.token().empty())
    session.out() << "token (shown once): " << response.token() << '\n';
}

int SetInactive(Session& session, const Args& args, bool inactive) {
  if (args.words().empty()) return session.Usage("which key? give its id (sallyctl key ls)");
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  int code = kDone;
  for (const std::string& id : args.words()) {
    auto resource = GetOne(**client, "Key", id);
    if (!resource.ok()) {
      code = session.Fail(resource.status());
      continue;
    }
    wire::PutRequest request;
    request.set_expected_revision(resource->revision());
    *request.mutable_resource() = *std::move(resource);
    request.mutable_resource()->mutable_key()->set_inactive(inactive);
    wire::PutResponse response;
    const absl::Status status =
        (*client)->Call(&wire::Admin::Stub::Put, (*client)->admin(), request, &response);
    if (status.ok()) {
      session.out() << "key " << Printable(id) << (inactive ? " disabled\n" : " enabled\n");
    } else {
      code = session.Fail(status);
    }
  }
  return code;
}

}  // namespace

int RunKeyCreate(Session& session, const Args& args) {
  if (!args.words().empty())
    return session.Usage(absl::StrCat("unexpected '", args.words()[0], "'; a file goes by --cert"));
  if (!args.Has("--cert") && !args.Has("--token"))
    return session.Usage("key create needs --cert FILE or --token");
  if (!args.Has("--api") && !args.Has("--policy"))
    return session.Usage(
        "key create needs --api or --policy: a key without either may call nothing");
  wire::CreateKeyRequest request;
  absl::Status status = FillKey(args, request.mutable_key());
  if (!status.ok()) return session.Usage(std::string(status.message()));
  status = FillCertificate(session, args, &request);
  if (!status.ok()) return session.Fail(status);
  request.set_with_token(args.Has("--token"));
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  wire::CreateKeyResponse response;
  status = (*client)->Call(&wire::Admin::Stub::CreateKey, (*client)->admin(), request, &response);
  if (!status.ok()) return session.Fail(status);
  PrintMade(session, args, response);
  return kDone;
}

int RunKeyList(Session& session, const Args& args) {
  return ShowResources(session, args, "Key", "");
}

int RunKeyShow(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("key show ID");
  return ShowResources(session, args, "Key", args.words()[0]);
}

int RunKeyRemove(Session& session, const Args& args) {
  if (args.words().empty()) return session.Usage("key rm ID...");
  return DeleteResources(session, "Key", args.words(), false);
}

int RunKeyEnable(Session& session, const Args& args) { return SetInactive(session, args, false); }
int RunKeyDisable(Session& session, const Args& args) { return SetInactive(session, args, true); }

int RunKeyRotate(Session& session, const Args& args) {
  if (args.words().size() != 1) return session.Usage("key rotate ID");
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  wire::RotateKeyRequest request;
  request.set_id(args.words()[0]);
  request.set_keep_old(args.Has("--keep-old"));
  wire::CreateKeyResponse response;
  const absl::Status status =
      (*client)->Call(&wire::Admin::Stub::RotateKey, (*client)->admin(), request, &response);
  if (!status.ok()) return session.Fail(status);
  PrintMade(session, args, response);
  return kDone;
}

}  // namespace sallyport::authsvc::ctl
