#include "authsvc/dialects/kube_object.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kNameForm = "must be lower-case letters, digits, '-' and '.'";
constexpr size_t kMostNameBytes = 253;

}  // namespace

bool IsKubeName(absl::string_view name) {
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_islower(byte) && !absl::ascii_isdigit(byte) && c != '-' && c != '.')
      return false;
  }
  return !name.empty() && name.size() <= kMostNameBytes;
}

KubeName ReadKubeName(const Fields& top, const ConvertOptions& options) {
  const Fields metadata = top.Object("metadata");
  KubeName name;
  name.name = metadata.Text("name");
  name.name_space = metadata.Text("namespace");
  if (name.name_space.empty()) name.name_space = options.name_space;
  if (name.name_space.empty()) name.name_space = "default";
  if (name.name.empty())
    top.Refuse("metadata.name", "is missing");
  else if (!IsKubeName(name.name))
    metadata.Refuse("name", kNameForm);
  if (!IsKubeName(name.name_space) || name.name_space.find('.') != std::string::npos)
    metadata.Refuse("namespace", "must be lower-case letters, digits and '-'");
  return name;
}

std::string SecretReference(const KubeName& secret) {
  return absl::StrCat("name:secret/", secret.name_space, "/", secret.name, "/tls.crt");
}

}  // namespace sallyport::authsvc::dialects
