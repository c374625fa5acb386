#include "authsvc/change/upstream_credential.h"

#include <google/protobuf/util/message_differencer.h>

#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/secret_data.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot.h"

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

bool NamesSecrets(const v1::UpstreamCredential& credential) {
  return !credential.value_ref().empty() || !credential.username_ref().empty() ||
         !credential.password_ref().empty();
}

bool IsPlace(absl::string_view reference) {
  const auto name = StableName(reference);
  DataName parts;
  return name && SplitDataName(*name, &parts) && parts.kind == Kind::kSecret &&
         absl::StrContains(parts.id, "/") && !parts.key.empty();
}

absl::Status CheckPlaces(const v1::UpstreamCredential& credential) {
  const bool basic = !credential.username_ref().empty() || !credential.password_ref().empty();
  if (basic && !credential.value_ref().empty()) {
    return absl::InvalidArgumentError(
        "upstream.credential: value_ref beside username_ref and password_ref: write the one or "
        "the others");
  }
  if (basic && (credential.username_ref().empty() || credential.password_ref().empty()))
    return absl::InvalidArgumentError(
        "upstream.credential: username_ref and password_ref go together");
  for (const auto& [field, reference] :
       {std::pair<const char*, const std::string&>{"value_ref", credential.value_ref()},
        {"username_ref", credential.username_ref()},
        {"password_ref", credential.password_ref()}}) {
    if (reference.empty() || IsPlace(reference)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("upstream.credential: ", field, " must be name:secret/NAMESPACE/NAME/KEY"));
  }
  return absl::OkStatus();
}

absl::StatusOr<base::Secret> OpenPlace(const ValueSealing& sealing, const Snapshot& snapshot,
                                       const std::string& org, const std::string& reference) {
  const Snapshot::SealedPlace place = snapshot.FindSealed(org, reference);
  if (place.sealed == nullptr)
    return absl::NotFoundError(absl::StrCat(ReferenceText(reference), " is not there yet"));
  auto value = OpenSecretData(sealing, *place.secret, place.key);
  if (!value.ok())
    return absl::Status(value.status().code(),
                        absl::StrCat(ReferenceText(reference), ": ", value.status().message()));
  if (value->Reveal().empty())
    return absl::InvalidArgumentError(absl::StrCat(ReferenceText(reference), " is empty"));
  // A key `tls.key` of another Secret is soon written in place of a password's.
  if (absl::StrContains(value->Reveal(), "PRIVATE KEY-----"))
    return absl::InvalidArgumentError(
        absl::StrCat(ReferenceText(reference), " is a private key: that is never sent"));
  // Before Base64 hides it (RFC 7617 section 2).
  if (auto status = CheckValue(value->Reveal()); !status.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(ReferenceText(reference), ": ", status.message()));
  return value;
}

absl::StatusOr<base::Secret> OpenPlaces(const ValueSealing& sealing, const Snapshot& snapshot,
                                        const v1::Api& api) {
  const v1::UpstreamCredential& credential = api.upstream().credential();
  if (!credential.value_ref().empty())
    return OpenPlace(sealing, snapshot, api.org_id(), credential.value_ref());
  auto username = OpenPlace(sealing, snapshot, api.org_id(), credential.username_ref());
  if (!username.ok()) return username;
  auto password = OpenPlace(sealing, snapshot, api.org_id(), credential.password_ref());
  if (!password.ok()) return password;
  if (absl::StrContains(username->Reveal(), ":")) {  // RFC 7617 §2
    return absl::InvalidArgumentError(
        absl::StrCat(ReferenceText(credential.username_ref()), ": a user name has no colon"));
  }
  std::string both = absl::StrCat(username->Reveal(), ":", password->Reveal());
  base::Secret value(absl::StrCat("Basic ", absl::Base64Escape(both)));
  base::Cleanse(&both);
  if (auto status = CheckValue(value.Reveal()); !status.ok()) return status;
  return value;
}

}  // namespace

absl::Status CompleteUpstreamCredential(const ValueSealing& sealing,
                                        const std::map<std::string, base::Secret>& secrets,
                                        const v1::Api* stored, v1::Api* api) {
  for (const auto& [name, value] : secrets) {
    if (name != kUpstreamCredential && !absl::StartsWith(name, kHandlerHeader))
      return absl::InvalidArgumentError(absl::StrCat("an API has no secret named ", name));
  }
  const auto given = secrets.find(std::string(kUpstreamCredential));
  if (!api->upstream().has_credential()) {
    return given == secrets.end()
               ? absl::OkStatus()
               : absl::InvalidArgumentError("upstream.credential: a value without a header");
  }
  v1::UpstreamCredential* const credential = api->mutable_upstream()->mutable_credential();
  if (NamesSecrets(*credential)) {
    if (given != secrets.end() || credential->has_sealed_value())
      return absl::InvalidArgumentError(
          "upstream.credential: a value beside value_ref, username_ref or password_ref");
    return CheckPlaces(*credential);
  }
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
                                                    const Snapshot& snapshot, const v1::Api& api) {
  if (NamesSecrets(api.upstream().credential())) return OpenPlaces(sealing, snapshot, api);
  return OpenOwnCredential(sealing, api);
}

absl::StatusOr<base::Secret> OpenOwnCredential(const ValueSealing& sealing, const v1::Api& api) {
  if (!api.upstream().credential().has_sealed_value())
    return absl::NotFoundError("there is no value");
  return OpenValue(sealing, CredentialRecord(api), kCredentialField,
                   api.upstream().credential().sealed_value());
}

}  // namespace sallyport::authsvc
