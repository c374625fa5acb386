#include "authsvc/dialects/apk/certificate_source.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/resource_fields.h"

namespace sallyport::authsvc::dialects::apk {

bool RefusePlace(absl::string_view text, const std::string& path, const Node& at, Conversion* out) {
  if (!absl::StartsWith(absl::StripAsciiWhitespace(text), "name:")) return false;
  out->Refuse(path, &at, "must be a certificate: Secrets and ConfigMaps have fields of their own");
  return true;
}

std::vector<std::string> ReadCertificateSource(const Fields& source, const KubeName& owner,
                                               References* references) {
  std::vector<std::string> found;
  const std::string inline_text = source.Text("certificateInline");
  if (source.Has("certificateInline") &&
      !RefusePlace(inline_text, source.PathOf("certificateInline"),
                   *source.Get("certificateInline"), source.out())) {
    found.push_back(references->Take(inline_text, source.PathOf("certificateInline"),
                                     *source.Get("certificateInline"), false));
  }
  for (const auto& [name, kind] :
       {std::pair{"secretRef", "secret"}, {"configMapRef", "configmap"}}) {
    const Node* reference = source.Get(name);
    if (reference == nullptr) continue;
    source.Object(name).Check(RefRules());
    found.push_back(PlaceOf(*reference, source.PathOf(name), kind, owner.name_space, source.out()));
  }
  std::erase(found, "");
  return found;
}

}  // namespace sallyport::authsvc::dialects::apk
