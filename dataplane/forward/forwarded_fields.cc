#include "dataplane/forward/forwarded_fields.h"

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

constexpr absl::string_view kFor = "X-Forwarded-For";
constexpr absl::string_view kProto = "X-Forwarded-Proto";
constexpr absl::string_view kHost = "X-Forwarded-Host";
constexpr size_t kMaxForwardedFor = 2048;

// All X-Forwarded-For fields of the request in order, then the client's address.
std::string Continue(const HeaderFields& received, absl::string_view client_address) {
  std::string list;
  for (const HeaderField& field : received) {
    if (!NameIs(field.name, kFor) || field.value.empty()) continue;
    if (list.size() + field.value.size() > kMaxForwardedFor) continue;
    absl::StrAppend(&list, list.empty() ? "" : ", ", field.value);
  }
  absl::StrAppend(&list, list.empty() ? "" : ", ", client_address);
  return list;
}

}  // namespace

ForwardedFields::ForwardedFields(const ForwardedFacts& facts, const HeaderFields& received) {
  const HeaderField* proto = nullptr;
  const HeaderField* host = nullptr;
  absl::string_view client = facts.client_address;
  if (facts.from_trusted_proxy) {
    forwarded_for_ = Continue(received, facts.client_address);
    client = forwarded_for_;
    proto = FindField(received, kProto);
    host = FindField(received, kHost);
  }
  Add(kFor, client);
  Add(kProto, proto != nullptr ? proto->value : facts.tls ? "https" : "http");
  Add(kHost, host != nullptr ? host->value : facts.host);
  if (!facts.request_id.empty()) Add("X-Request-Id", facts.request_id);
  if (!facts.identity_header.empty() && !facts.identity.empty()) {
    Add(facts.identity_header, facts.identity);
  }
}

}  // namespace sallyport::dataplane
