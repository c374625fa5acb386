#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/event_checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/login_checks.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_index.h"

namespace sallyport::authsvc {
namespace {

// Reference tyk.md 2.2; the id must be one of the key's org.
absl::Status CheckIdForm(const v1::Key& key, const std::string& reference) {
  if (const auto name = StableName(reference)) {
    DataName place;
    return SplitDataName(*name, &place) ? absl::OkStatus() : CheckStableName(*name);
  }
  absl::string_view org;
  std::string digest;
  if (SplitCertificateId(reference, &org, &digest) && org == key.org_id()) return absl::OkStatus();
  return Invalid("invalid certificate ID: ", reference);
}

const KeyEntry* OtherKeyWithLeaf(const Snapshot& after, const v1::Key& key, const Digest& leaf) {
  return after.index().keys_by_leaf.Find(
      HashOfPair(key.org_id(), DigestBytes(leaf)), [&](const KeyEntry& other) {
        return other.key.id() != key.id() && other.key.org_id() == key.org_id() &&
               LeafOf(other, leaf) != nullptr;
      });
}

absl::Status CheckCertificates(const CheckContext& context, const v1::Key& key,
                               Warnings* warnings) {
  for (const std::string& reference : key.certificate_ids()) {
    if (auto status = CheckIdForm(key, reference); !status.ok()) return status;
    auto status = CheckReference(context, "key", key.org_id(), reference, Need::kPublic, warnings);
    if (!status.ok()) return status;
    const auto* entry = context.after.FindCertificate(key.org_id(), reference);
    if (entry != nullptr && entry->is_public_key) {
      return Invalid("a bare public key cannot be a key's certificate: ", reference);
    }
  }
  const KeyEntry* entry = context.after.FindKey(key.id());
  if (entry == nullptr) return absl::InternalError("the key is not in the snapshot");
  return CheckKeyIsOnlyOne(context.after, *entry);
}

// Only the bindings that are new are held against the store: an old one may be gone by now.
absl::Status CheckBindings(const CheckContext& context, const v1::Key& key) {
  std::set<std::string> known;
  if (const KeyEntry* old = context.before.FindKey(key.id()); old != nullptr) {
    const auto& ids = old->key.bound_certificate_ids();
    known.insert(ids.begin(), ids.end());
  }
  for (const std::string& reference : key.bound_certificate_ids()) {
    if (known.count(reference) != 0) continue;
    if (auto status = CheckIdForm(key, reference); !status.ok()) return status;
    if (context.after.FindCertificate(key.org_id(), reference) == nullptr) {
      return Invalid("certificate not found: ", reference);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTokens(const CheckContext& context, const v1::Key& key) {
  for (const std::string& token : key.token_sha256()) {
    if (token.size() != sizeof(Digest)) return Invalid("a token hash has 32 bytes");
    const KeyEntry* other =
        context.after.index().keys_by_token.Find(HashOf(token), [&](const KeyEntry& entry) {
          const auto& tokens = entry.key.token_sha256();
          return entry.key.id() != key.id() &&
                 std::find(tokens.begin(), tokens.end(), token) != tokens.end();
        });
    if (other != nullptr) {
      return absl::AlreadyExistsError(
          absl::StrCat("the token is already that of key ", other->key.id()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRights(const CheckContext& context, const v1::Key& key, Warnings* warnings) {
  if (key.access_rights().empty() && key.policy_ids().empty() && !key.all_apis()) {
    return Invalid("keys must have at least one Access Rights record set.");
  }
  if (auto status = CheckAccessRights(key.access_rights()); !status.ok()) return status;
  if (auto status = CheckLimits(key.limits()); !status.ok()) return status;
  for (const std::string& id : key.policy_ids()) {
    if (context.after.FindPolicy(id) != nullptr) continue;
    if (auto status = NotThere(context, "policy", id, warnings); !status.ok()) return status;
  }
  for (const auto& right : key.access_rights()) {
    if (context.after.FindApi(right.api_id()) != nullptr) continue;
    auto status = NotThere(context, "API", right.api_id(), warnings);
    if (!status.ok()) return status;
  }
  if (key.all_apis()) warnings->push_back("all_apis: the key is good for every API");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKeyIsOnlyOne(const Snapshot& after, const KeyEntry& entry) {
  for (const KeyLeaf& leaf : entry.leaves) {
    const KeyEntry* other = OtherKeyWithLeaf(after, entry.key, leaf.fingerprint);
    if (other == nullptr) continue;
    return absl::AlreadyExistsError(
        absl::StrCat("Key with given certificate already found:", other->key.id()));
  }
  return absl::OkStatus();
}

absl::Status CheckKey(const CheckContext& context, const v1::Key& key, Warnings* warnings) {
  absl::Status status = CheckId("key", key.id());
  if (status.ok()) status = CheckOrg(key.org_id());
  if (status.ok()) status = CheckCertificates(context, key, warnings);
  if (status.ok()) status = CheckBindings(context, key);
  if (status.ok()) status = CheckTokens(context, key);
  if (status.ok()) status = CheckLogin(context, key);
  if (status.ok()) status = CheckRights(context, key, warnings);
  if (status.ok()) status = CheckQuotaTriggers(key.quota_triggers());
  if (!status.ok()) return status;
  if (key.expires_unix() < 0) return Invalid("expires_unix is negative");
  if (key.expires_unix() != 0 && key.expires_unix() <= absl::ToUnixSeconds(context.now)) {
    warnings->push_back("the key has expired");
  }
  if (key.certificate_ids().empty() && key.token_sha256().empty() && !key.has_basic_login()) {
    warnings->push_back("neither a certificate nor a token nor a login: nobody can use this key");
  }
  return absl::OkStatus();
}

absl::Status CheckPolicy(const CheckContext& context, const v1::Policy& policy,
                         Warnings* warnings) {
  absl::Status status = CheckId("policy", policy.id());
  if (status.ok()) status = CheckOrg(policy.org_id());
  if (status.ok()) status = CheckAccessRights(policy.access_rights());
  if (status.ok()) status = CheckLimits(policy.limits());
  if (!status.ok()) return status;
  if (status = CheckQuotaTriggers(policy.quota_triggers()); !status.ok()) return status;
  if (policy.key_expires_in_seconds() < 0) return Invalid("key_expires_in_seconds is negative");
  for (const auto& right : policy.access_rights()) {
    if (context.after.FindApi(right.api_id()) != nullptr) continue;
    status = NotThere(context, "API", right.api_id(), warnings);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
