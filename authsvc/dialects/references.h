// References to certificates in documents: ids, "name:NAME", or PEM that stands inline (which
// becomes a certificate of its own). Also the maps from domains to them. Used by the
// converters.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

// Why the file that a text was taken to name was not read. Where there is none the text may be a
// private key without its PEM lines: it is not told again.
[[nodiscard]] std::string WhyNotRead(const absl::Status& status);

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
  // A certificate and its private key in two files, or the PEM itself in place of their names; the
  // same rules.
  std::string TakeFiles(const std::string& certificate, const std::string& key,
                        absl::string_view path, const Node& at);
  std::vector<std::string> TakeList(const Fields& object, absl::string_view name,
                                    bool keep_private_key);

  void AllowlistOf(const Fields& object, absl::string_view name,
                   google::protobuf::RepeatedPtrField<v1::AllowlistEntry>* list);
  // {"domain": "id"}
  void ClientCertificates(const Fields& object, absl::string_view name,
                          v1::DomainCertificates* map);
  // {"domain": "id,PEM"}; a list of them is taken as well.
  void Pins(const Fields& object, absl::string_view name, v1::DomainPins* map);

 private:
  std::string TakeInline(absl::string_view pem, absl::string_view path, const Node& at,
                         bool keep_private_key);
  [[nodiscard]] absl::StatusOr<std::string> ContentOf(const std::string& file) const;
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

// Makes the values of webhooks' headers that are credentials empty, in a document of Tyk's that is
// kept.
void EmptyWebhooks(Node* document);

// WithoutInlinePem and EmptyWebhooks, and the secrets of features that do not exist here (basic
// passwords, HMAC and JWT secrets) made empty: a Tyk document as it is kept.
[[nodiscard]] Node KeptDocument(const Node& document, absl::string_view org_id);

}  // namespace sallyport::authsvc::dialects
