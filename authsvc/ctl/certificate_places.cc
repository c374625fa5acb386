#include "authsvc/ctl/certificate_places.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::ctl {
namespace {

using dialects::Node;

// `path`: members with dots between, "[]" for each item of a list. At its end stands a text or a
// list of them; of a map, each member of an object is that.
struct PlaceRule {
  absl::string_view dialect;
  absl::string_view path;
  bool map;
  CertificatePlace::What what;
};

constexpr auto kPublic = CertificatePlace::What::kCertificate;
constexpr auto kWithKey = CertificatePlace::What::kWithKey;

constexpr PlaceRule kPlaceRules[] = {
    {dialects::kTykClassic, "client_certificates", false, kPublic},
    {dialects::kTykClassic, "certificates", false, kWithKey},
    {dialects::kTykClassic, "upstream_certificates", true, kWithKey},
    {dialects::kTykClassic, "pinned_public_keys", true, kPublic},
    {dialects::kTykOas, "x-tyk-api-gateway.server.customDomain.certificates", false, kWithKey},
    {dialects::kTykOas, "x-tyk-api-gateway.server.clientCertificates.allowlist", false, kPublic},
    {dialects::kTykOas,
     "x-tyk-api-gateway.upstream.mutualTLS.domainToCertificateMapping[].certificate", false,
     kWithKey},
    {dialects::kTykOas,
     "x-tyk-api-gateway.upstream.certificatePinning.domainToPublicKeysMapping[].publicKeys", false,
     kPublic},
    {dialects::kTykOperator, "spec.client_certificates", false, kPublic},
    {dialects::kTykOperator, "spec.certificates", false, kWithKey},
    {dialects::kTykOperator, "spec.upstream_certificates", true, kWithKey},
    {dialects::kTykOperator, "spec.pinned_public_keys", true, kPublic},
    {dialects::kTykOperator, "spec.customDomain.certificates", false, kWithKey},
    {dialects::kTykOperator, "spec.mutualTLS.domainToCertificateMapping[].certificateID", false,
     kWithKey},
    {dialects::kTykOperator, "spec.certificatePinning.domainToPublicKeysMapping[].publicKeys",
     false, kPublic},
    {dialects::kTykKey, "mtls_static_certificate_bindings", false, kPublic},
    {dialects::kTykGateway, "security.certificates.apis", false, kPublic},
    {dialects::kTykGateway, "security.certificates.control_api", false, kPublic},
    {dialects::kTykGateway, "security.certificates.upstream", true, kWithKey},
    {dialects::kTykGateway, "security.pinned_public_keys", true, kPublic},
    {dialects::kTykGateway, "http_server_options.ssl_certificates", false, kWithKey},
    {dialects::kTykGateway, "http_server_options.certificates[].cert_file", false,
     CertificatePlace::What::kFile},
    {dialects::kTykGateway, "http_server_options.certificates[].key_file", false,
     CertificatePlace::What::kKeyFile},
};

class PlaceFinder {
 public:
  PlaceFinder(const PlaceRule& rule, std::vector<CertificatePlace>* found)
      : rule_(rule), steps_(absl::StrSplit(rule.path, '.')), found_(found) {}

  void Walk(Node* node, const std::string& path, size_t depth) {
    if (depth == steps_.size()) return rule_.map ? Map(node, path) : Texts(node, path);
    absl::string_view name = steps_[depth];
    const bool each = absl::ConsumeSuffix(&name, "[]");
    Node* const next = node->IsObject() ? node->Find(name) : nullptr;
    if (next == nullptr) return;
    const std::string place = path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
    if (!each) return Walk(next, place, depth + 1);
    for (size_t i = 0; i < next->items.size(); ++i)
      Walk(&next->items[i], absl::StrCat(place, "[", i, "]"), depth + 1);
  }

 private:
  void Map(Node* node, const std::string& path) {
    for (auto& [name, value] : node->members) Texts(&value, absl::StrCat(path, "[\"", name, "\"]"));
  }

  void Texts(Node* node, const std::string& path) {
    if (node->IsString()) return found_->push_back({node, path, rule_.what});
    for (size_t i = 0; i < node->items.size(); ++i) {
      if (node->items[i].IsString())
        found_->push_back({&node->items[i], absl::StrCat(path, "[", i, "]"), rule_.what});
    }
  }

  const PlaceRule& rule_;
  const std::vector<absl::string_view> steps_;
  std::vector<CertificatePlace>* const found_;
};

void FindInOne(Node* document, const std::string& path, absl::string_view as,
               std::vector<CertificatePlace>* found) {
  std::string why;
  const dialects::Dialect* const dialect =
      as.empty() ? dialects::RecogniseDialect(*document, &why) : dialects::FindDialect(as);
  if (dialect == nullptr) return;
  for (const PlaceRule& rule : kPlaceRules) {
    if (rule.dialect == dialect->name) PlaceFinder(rule, found).Walk(document, path, 0);
  }
}

}  // namespace

std::vector<CertificatePlace> FindCertificatePlaces(Node* document, absl::string_view as) {
  std::vector<CertificatePlace> found;
  const bool list = document->IsObject() && document->Text("kind") == "List";
  Node* const items = list ? document->Find("items") : document;
  if (items == nullptr || !items->IsArray()) {
    FindInOne(document, "", as, &found);
    return found;
  }
  for (size_t i = 0; i < items->items.size(); ++i)
    FindInOne(&items->items[i], absl::StrCat(list ? "items[" : "[", i, "]"), as, &found);
  return found;
}

}  // namespace sallyport::authsvc::ctl
