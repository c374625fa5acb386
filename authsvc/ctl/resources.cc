#include "authsvc/ctl/resources.h"

#include "absl/strings/str_cat.h"
#include "authsvc/ctl/calls.h"
#include "authsvc/ctl/commands.h"
#include "authsvc/ctl/output.h"
#include "authsvc/ctl/resource_text.h"

namespace sallyport::authsvc::ctl {

namespace wire = ::sallyport::v1;

namespace {

// Of a Secret or ConfigMap that is named as kubectl does.
std::string WithNamespace(const Args& args, const std::string& kind, const std::string& id) {
  if ((kind != "Secret" && kind != "ConfigMap") || id.find('/') != std::string::npos) return id;
  return absl::StrCat(args.Has("--namespace") ? args.Get("--namespace") : "default", "/", id);
}

}  // namespace

int ShowResources(Session& session, const Args& args, const std::string& kind,
                  const std::string& id) {
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  std::vector<wire::Resource> resources;
  const bool original = args.Has("--original");
  if (id.empty()) {
    auto all = ListAll(**client, kind, args.Get("--org"));
    if (!all.ok()) return session.Fail(all.status());
    resources = *std::move(all);
  } else {
    auto one = GetOne(**client, kind, id, original);
    if (!one.ok()) return session.Fail(one.status());
    resources.push_back(*std::move(one));
  }
  if (original && id.empty()) {
    for (wire::Resource& resource : resources) {
      auto one = GetOne(**client, kind, resource.id(), true);
      if (absl::IsNotFound(one.status())) continue;  // gone since: as the list has it
      if (!one.ok()) return session.Fail(one.status());
      resource = *std::move(one);
    }
  }
  PrintResources(session.out(), kind, resources, args.Get("--output"), !id.empty(), original);
  return kDone;
}

int RunGet(Session& session, const Args& args) {
  const auto& words = args.words();
  if (words.empty() || words.size() > 2) return session.Usage("get KIND [ID]");
  const auto kind = KindOfWord(words[0]);
  if (!kind.has_value())
    return session.Usage(absl::StrCat("no kind '", words[0], "'; kinds are ", KindWords()));
  if (words.size() == 1) return ShowResources(session, args, *kind, "");
  return ShowResources(session, args, *kind, WithNamespace(args, *kind, words[1]));
}

int DeleteResources(Session& session, const std::string& kind, const std::vector<std::string>& ids,
                    bool force) {
  auto client = session.Connect();
  if (!client.ok()) return session.Fail(client.status());
  int code = kDone;
  for (const std::string& id : ids) {
    wire::DeleteRequest request;
    request.set_kind(kind);
    request.set_id(id);
    request.set_force(force);
    wire::DeleteResponse response;
    const absl::Status status =
        (*client)->Call(&wire::Admin::Stub::Delete, (*client)->admin(), request, &response);
    if (!status.ok()) {
      code = session.Fail(status);
      continue;
    }
    session.out() << kind << "/" << Printable(id) << " deleted\n";
    for (const std::string& who : response.cut_off()) {
      session.Warn(absl::StrCat(Printable(who), " is left without a certificate"));
    }
  }
  return code;
}

int RunDelete(Session& session, const Args& args) {
  const auto& words = args.words();
  if (words.size() < 2) return session.Usage("delete KIND ID...");
  const auto kind = KindOfWord(words[0]);
  if (!kind.has_value())
    return session.Usage(absl::StrCat("no kind '", words[0], "'; kinds are ", KindWords()));
  std::vector<std::string> ids;
  for (size_t i = 1; i < words.size(); ++i) ids.push_back(WithNamespace(args, *kind, words[i]));
  return DeleteResources(session, *kind, ids, args.Has("--force"));
}

}  // namespace sallyport::authsvc::ctl
