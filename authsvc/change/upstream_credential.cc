#include "authsvc/change/upstream_credential.h"

#include <google/protobuf/util/message_differencer.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/secret_names.h"

namespace sallyport::authsvc {
namespace {

constexpr char kCredentialField[] = "upstream.credential";
constexpr size_t kMostCredentialBytes = 8192;

std::string CredentialRecord(const v1::Api& api) { return absl::StrCat("api/", api.id()); }

// scheme://host:port of a target.
absl::string_view OriginOf(absl::string_view url) {
  const size_t host = url.find("://");
  if (host == absl::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?#", host + 3));
}

bool OnlyKnownTargets(const v1::Api& stored, const v1::Api& api) {
  std::set<absl::string_view> known;
  for (const v1::Target& target : stored.upstream().targets()) known.insert(OriginOf(target.url()));
  for (const v1::Target& target : api.upstream().targets()) {
    if (known.count(OriginOf(target.url())) == 0) return false;
  }
  return true;
}

// Who is on the way to the targets, and how it is told that they are the targets.
bool SameWay(const v1::Upstream& stored, const v1::Upstream& upstream) {
  using google::protobuf::util::MessageDifferencer;
  return stored.has_forward_proxy() == upstream.has_forward_proxy() &&
         stored.forward_proxy().url() == upstream.forward_proxy().url() &&
         MessageDifferencer::Equals(stored.tls(), upstream.tls()) &&
         MessageDifferencer::Equals(stored.pins(), upstream.pins());
}

absl::Status CheckValue(absl::string_view value) {
  if (value.empty()) return absl::InvalidArgumentError("upstream.credential: value is empty");
  if (value.size() > kMostCredentialBytes)
    return absl::InvalidArgumentError("upstream.credential: the value is longer than 8192 bytes");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      return absl::InvalidArgumentError("upstream.credential: the value has a control character");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CompleteUpstreamCredential(const ValueSealing& sealing,
                                        const std::map<std::string, base::Secret>& secrets,
                                        const v1::Api* stored, v1::Api* api) {
  for (const auto& [name, value] : secrets) {
    if (name != kUpstreamCredential)
      return absl::InvalidArgumentError(absl::StrCat("an API has no secret named ", name));
  }
  const auto given = secrets.find(std::string(kUpstreamCredential));
  if (!api->upstream().has_credential()) {
    return given == secrets.end()
               ? absl::OkStatus()
               : absl::InvalidArgumentError("upstream.credential: a value without a header");
  }
  v1::UpstreamCredential* const credential = api->mutable_upstream()->mutable_credential();
  if (credential->has_sealed_value()) {
    return absl::InvalidArgumentError(
        "upstream.credential: sealed_value is made by the store and cannot be given");
  }
  const v1::UpstreamCredential* const old =
      stored != nullptr && stored->upstream().credential().has_sealed_value()
          ? &stored->upstream().credential()
          : nullptr;
  if (given == secrets.end()) {
    if (old == nullptr || !absl::EqualsIgnoreCase(old->header(), credential->header()))
      return absl::InvalidArgumentError("upstream.credential: the value of the header is required");
    if (!OnlyKnownTargets(*stored, *api)) {
      return absl::InvalidArgumentError(
          "upstream.credential: give its value again: a target is new, and the stored value is for "
          "those of before");
    }
    if (!SameWay(stored->upstream(), api->upstream())) {
      return absl::InvalidArgumentError(
          "upstream.credential: give its value again: forward_proxy, tls or pins are others, and "
          "the stored value is for the way of before");
    }
    *credential->mutable_sealed_value() = old->sealed_value();
    return absl::OkStatus();
  }
  if (auto status = CheckValue(given->second.Reveal()); !status.ok()) return status;
  auto sealed = SealValue(sealing, CredentialRecord(*api), kCredentialField, given->second.Reveal(),
                          old == nullptr ? nullptr : &old->sealed_value());
  if (!sealed.ok()) return sealed.status();
  *credential->mutable_sealed_value() = *std::move(sealed);
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenUpstreamCredential(const ValueSealing& sealing,
                                                    const v1::Api& api) {
  if (!api.upstream().credential().has_sealed_value())
    return absl::NotFoundError("there is no value");
  return OpenValue(sealing, CredentialRecord(api), kCredentialField,
                   api.upstream().credential().sealed_value());
}

}  // namespace sallyport::authsvc
