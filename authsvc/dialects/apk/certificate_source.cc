#include "authsvc/dialects/apk/certificate_source.h"

#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/resource_fields.h"

namespace sallyport::authsvc::dialects::apk {

std::vector<std::string> ReadCertificateSource(const Fields& source, const KubeName& owner,
                                               References* references) {
  std::vector<std::string> found;
  if (source.Has("certificateInline")) {
    found.push_back(references->Take(source.Text("certificateInline"),
                                     source.PathOf("certificateInline"),
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
