// References to certificates in documents: ids, "name:NAME", or PEM that stands inline (which
// becomes a certificate of its own). Also the maps from domains to them, and TLS versions. Used by
// the converters.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

// Collects the inline certificates of one document.
class References {
 public:
  References(std::string org_id, const ConvertOptions& options, absl::string_view dialect,
             Conversion* out)
      : org_id_(std::move(org_id)), options_(options), dialect_(dialect), out_(out) {}

  // The id to store; empty after a refusal. `keep_private_key`: the private key of inline PEM is
  // wanted (upstream and server certificates); else it is dropped with a warning.
  std::string Take(absl::string_view text, absl::string_view path, const Node& at,
                   bool keep_private_key);
  // A certificate and its private key in two files; the same rules.
  std::string TakeFiles(const std::string& certificate, const std::string& key,
                        absl::string_view path, const Node& at);
  std::vector<std::string> TakeList(const Fields& object, absl::string_view name,
                                    bool keep_private_key);

  void AllowlistOf(const Fields& object, absl::string_view name,
                   google::protobuf::RepeatedPtrField<v1::AllowlistEntry>* list);
  // {"domain": "id"}
  void ClientCertificates(const Fields& object, absl::string_view name,
                          v1::DomainCertificates* map);
  // {"domain": "id,id"}; a list of ids is taken as well.
  void Pins(const Fields& object, absl::string_view name, v1::DomainPins* map);

 private:
  std::string TakeInline(absl::string_view pem, absl::string_view path, const Node& at,
                         bool keep_private_key);
  void PinsOf(const Node& value, const std::string& path, v1::PinList* pins);
  bool GoodDomain(const std::string& domain, const std::string& path, const Node& at);

  std::string org_id_;
  const ConvertOptions& options_;
  absl::string_view dialect_;
  Conversion* out_;
};

// A copy of `document` in which PEM text is replaced by "certificate:" and the id that it became:
// what is stored and read back. References::Take made the ids.
[[nodiscard]] Node WithoutInlinePem(const Node& document, absl::string_view org_id);

// The same, and the secrets of features that do not exist here (basic passwords, HMAC and JWT
// secrets) made empty: a Tyk document as it is kept.
[[nodiscard]] Node KeptDocument(const Node& document, absl::string_view org_id);

// 769..772 (TLS 1.0 to 1.3), as Tyk writes them, to "1.2" and "1.3". Lower minimums become 1.2 with
// a warning; a maximum below 1.2 is refused.
void TlsVersions(const Fields& object, absl::string_view min_name, absl::string_view max_name,
                 v1::TransportTls* tls);

}  // namespace sallyport::authsvc::dialects
