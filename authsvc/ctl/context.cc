#include "authsvc/ctl/context.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shared/config/reader.h"

namespace sallyport::authsvc::ctl {
namespace {

using config::Node;
using config::Reader;

bool IsFile(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

void Read(Reader& in, Context* out) {
  in.Text("endpoint", &out->endpoint, "host:port of authsvc");
  in.Text("tls_dir", &out->tls.path, "directory with tls.crt, tls.key and ca.crt");
  in.Text("server_name", &out->server_name, "name in authsvc's certificate");
  if (out->tls.path.empty()) in.Fail("tls_dir", "must be set");
}

absl::StatusOr<Context> Finish(Context context, const std::vector<std::string>& errors) {
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  return context;
}

absl::StatusOr<Context> FromFile(const std::string& path) {
  auto node = config::ReadYamlFile(path);
  if (!node.ok()) return node.status();
  Context context;
  context.name = path;
  std::vector<std::string> errors;
  {
    Reader reader(&*node, "", &errors, nullptr);
    Read(reader, &context);
  }
  return Finish(std::move(context), errors);
}

absl::StatusOr<Context> FromConfig(const std::string& path, std::string name) {
  auto node = config::ReadYamlFile(path);
  if (!node.ok()) return node.status();
  const Node* current = node->Find("current");
  if (name.empty() && current != nullptr) name = current->scalar;
  const Node* contexts = node->Find("contexts");
  const Node* found = contexts == nullptr ? nullptr : contexts->Find(name);
  if (found == nullptr) {
    std::vector<std::string> known;
    if (contexts != nullptr) {
      for (const Node::Field& field : contexts->fields) known.push_back(field.name);
    }
    return absl::NotFoundError(absl::StrCat("no context '", name, "' in ", path, "; there are: ",
                                            known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }
  Context context;
  context.name = name;
  std::vector<std::string> errors;
  {
    Reader reader(found, absl::StrCat("contexts.", name), &errors, nullptr);
    Read(reader, &context);
  }
  return Finish(std::move(context), errors);
}

}  // namespace

absl::StatusOr<Context> FindContext(const ContextPlaces& places) {
  const std::string chosen = places.flag.empty() ? places.variable : places.flag;
  const std::string user = absl::StrCat(places.home, "/.config/sallyport/config.yaml");
  if (!chosen.empty() && (IsFile(chosen) || chosen.find('/') != std::string::npos))
    return FromFile(chosen);
  if (!chosen.empty() || IsFile(user)) return FromConfig(user, chosen);
  if (IsFile(places.system)) return FromFile(places.system);
  return absl::NotFoundError(
      absl::StrCat("no context: sallyctl does not know where authsvc is. Give --context FILE "
                   "(`sallyctl init DIR` writes "
                   "DIR/sallyctl.yaml), or set SALLYPORT_CONTEXT, or write ",
                   user));
}

}  // namespace sallyport::authsvc::ctl
