// /tyk/keys (reference tyk.md §2.2; not its defect Q15: a changed certificate counts at once).
// A token is shown once, in the answer that made it, and is never in a log: paths that hold it
// neither.
#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/admin/key_lookup.h"
#include "authsvc/admin/key_preview.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kPage = 1000;
constexpr int kTries = 3;  // against writes in between
constexpr char kNoRights[] =
    "Failed to create key, keys must have at least one Access Rights record set.";

Response KeyFailure(const absl::Status& status) {
  const std::string message = absl::StrCat("Failed to create key - ", status.message());
  if (absl::IsInvalidArgument(status)) return WriteFailure(status, 400, status.message());
  return WriteFailure(status, 500, message);
}

// What must hold before anything is written; OK is an answer of status 0.
Response CheckSession(const Call& call, const Snapshot& snapshot, v1::Key* key) {
  if (key->access_rights_size() == 0 && key->policy_ids_size() == 0) {
    if (!call.options.allow_master_keys) return ErrorAnswer(400, kNoRights);
    key->set_all_apis(true);
  }
  for (const std::string& id : key->policy_ids()) {
    if (snapshot.FindPolicy(id) == nullptr) {
      return ErrorAnswer(500, absl::StrCat("Failed to create key - Policy not found: ", id));
    }
  }
  for (const std::string& id : key->certificate_ids()) {
    Digest unused{};
    if (!absl::StartsWith(id, "name:") &&
        (!FingerprintOf(id, &unused) || !absl::StartsWith(id, key->org_id()))) {
      return ErrorAnswer(400, absl::StrCat("invalid certificate ID: ", id));
    }
  }
  Response fine;
  fine.status = 0;
  return fine;
}

// A holder of the certificate that a new session names: at most one key may (DESIGN 6).
const KeyEntry* HolderOf(const Snapshot& snapshot, const v1::Key& key) {
  for (const std::string& id : key.certificate_ids()) {
    Digest fingerprint{};
    const CertificateEntry* stored = snapshot.FindCertificate(key.org_id(), id);
    if (stored != nullptr)
      fingerprint = stored->fingerprint;
    else if (!FingerprintOf(id, &fingerprint))
      continue;
    if (const KeyEntry* holder = snapshot.FindKeyNamingLeaf(key.org_id(), fingerprint))
      return holder;
  }
  return nullptr;
}

struct NewKey {
  dialects::Conversion conversion;
  std::string answer;  // what the client calls the key: certificate id, or token
  bool is_token = false;
  [[nodiscard]] v1::Resource& resource() { return conversion.resources.back().resource; }
};

Response StoreNew(const Call& call, const Snapshot& snapshot, NewKey* made) {
  v1::Resource& resource = made->resource();
  v1::Key* key = resource.mutable_key();
  key->set_created_unix(absl::ToUnixSeconds(call.clock.Now()));
  resource.set_id(key->id());
  const std::string id = key->id();
  const std::vector<std::string> warnings = WarningTexts(made->conversion);
  Write write;
  write.mutations = TakeInlineCertificates(snapshot, &made->conversion);
  Mutation& mutation = write.mutations.emplace_back();
  mutation.resource = std::move(resource);
  mutation.secret_data = std::move(made->conversion.resources.back().secret_data);
  mutation.must_create = true;
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "key.create", id, result.status());
    return KeyFailure(result.status());
  }
  Audit(call, "key.create", id, result->revision);
  Json body = {{"key", made->answer}, {"status", "ok"}, {"action", "added"}};
  if (made->is_token) body["key_hash"] = id;
  Response response = JsonAnswer(body);
  AddWarnings(warnings, &response);
  AddWarnings(result->AllWarnings(), &response);
  return response;
}

Response Create(const Call& call) {
  const auto document = dialects::ReadJson(call.request.body);
  if (!document.ok() || !document->IsObject()) return ErrorAnswer(500, "Unmarshalling failed");
  NewKey made{dialects::ConvertTykSession(*document, OptionsFor(call)), "", false};
  if (!made.conversion.ok()) {
    return ErrorAnswer(400,
                       absl::StrCat("Failed to create key - ", made.conversion.status().message()));
  }
  const SnapshotPtr snapshot = call.writer.snapshot();
  v1::Key* key = made.resource().mutable_key();
  if (Response wrong = CheckSession(call, *snapshot, key); wrong.status != 0) return wrong;
  if (key->has_basic_login()) {
    return ErrorAnswer(400, "basic_auth_data: a user's key is made by POST /tyk/keys/USERNAME");
  }
  if (const KeyEntry* holder = HolderOf(*snapshot, *key); holder != nullptr) {
    return ErrorAnswer(
        500, absl::StrCat("Failed to create key - Key with given certificate already found:",
                          holder->key.id()));
  }
  if (key->certificate_ids_size() != 0) {
    // The id that Tyk answers. A key that was named after this certificate and has another by now
    // keeps its name.
    made.answer = key->id().empty() ? key->certificate_ids(0) : key->id();
    if (key->id().empty() || snapshot->FindKey(key->id()) != nullptr)
      key->set_id(crypto::RandomHex(16));
  } else {
    made.answer = absl::StrCat(key->org_id(), crypto::RandomHex(32));
    made.is_token = true;
    key->set_id(crypto::RandomHex(16));
    key->add_token_sha256(crypto::Sha256(made.answer));
  }
  return StoreNew(call, *snapshot, &made);
}

// A user: the name in the call is what he logs in with, and no token.
Response CreateUser(const Call& call, NewKey made) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  v1::Key* key = made.resource().mutable_key();
  made.answer = absl::StrCat(key->org_id(), call.rest);
  key->mutable_basic_login()->set_username(call.rest);
  key->set_id(crypto::RandomHex(16));
  return StoreNew(call, *snapshot, &made);
}

// Tyk takes the name of a custom key as the token, with or without the org in front.
Response CreateCustom(const Call& call, NewKey made) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  v1::Key* key = made.resource().mutable_key();
  made.answer = absl::StrCat(key->org_id(), call.rest);
  const bool names_certificate =
      key->certificate_ids_size() != 0 && (key->id() == call.rest || key->id() == made.answer);
  if (names_certificate) {
    made.answer = key->id();
    return StoreNew(call, *snapshot, &made);
  }
  if (LooksLikeCertificateId(call.rest)) {
    return ErrorAnswer(
        400,
        "A certificate id cannot be a token: it is public. Name the certificate in the "
        "session instead");
  }
  made.is_token = true;
  key->set_id(crypto::RandomHex(16));
  key->add_token_sha256(crypto::Sha256(made.answer));
  if (made.answer != call.rest) key->add_token_sha256(crypto::Sha256(call.rest));
  return StoreNew(call, *snapshot, &made);
}

// The certificate of a PUT: it must be there, and one must stay where one was.
Response CheckCertificateChange(const Snapshot& snapshot, const v1::Key& old,
                                const dialects::Conversion& conversion) {
  const v1::Key& key = conversion.resources.back().resource.key();
  Response fine;
  fine.status = 0;
  if (key.certificate_ids_size() == 0) {
    return old.certificate_ids_size() == 0
               ? fine
               : ErrorAnswer(400, "Key cannot be used without a certificate");
  }
  const std::string& id = key.certificate_ids(0);
  const bool changed = !absl::c_linear_search(old.certificate_ids(), id);
  const bool inline_certificate = conversion.resources.size() > 1;
  if (changed && !inline_certificate && snapshot.FindCertificate(key.org_id(), id) == nullptr) {
    return ErrorAnswer(400, "Key must be used with an existent certificate");
  }
  return fine;
}

// What a session does not say stays: name, tokens, login, age, further certificates of the same
// key.
void KeepFromOld(const Call& call, const v1::Key& old, v1::Key* key) {
  key->set_id(old.id());
  if (old.has_basic_login()) key->mutable_basic_login()->set_username(old.basic_login().username());
  *key->mutable_token_sha256() = old.token_sha256();
  key->set_created_unix(old.created_unix());
  key->set_quota_reset_unix(call.Flag("suppress_reset") ? old.quota_reset_unix()
                                                        : absl::ToUnixSeconds(call.clock.Now()));
  if (key->certificate_ids_size() == 1 &&
      absl::c_linear_search(old.certificate_ids(), key->certificate_ids(0))) {
    for (const std::string& id : old.certificate_ids()) {
      if (id != key->certificate_ids(0)) key->add_certificate_ids(id);
    }
  }
}

Response UpdateOnce(const Call& call, const dialects::Node& document, absl::string_view action,
                    absl::Status* status) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const KeyEntry* old = FindNamedKey(*snapshot, call.Org(), call.rest, call.Flag("hashed"));
  if (old == nullptr) return ErrorAnswer(404, "Key is not found");
  dialects::ConvertOptions options = OptionsFor(call);
  options.org_id = old->key.org_id();
  dialects::Conversion conversion = dialects::ConvertTykSession(document, options);
  if (!conversion.ok()) return ErrorAnswer(400, conversion.status().message());
  v1::Resource& resource = conversion.resources.back().resource;
  v1::Key* key = resource.mutable_key();
  if (key->org_id() != old->key.org_id())
    return ErrorAnswer(400, "A key cannot move to another org_id");
  if (Response wrong = CheckSession(call, *snapshot, key); wrong.status != 0) return wrong;
  Response wrong = CheckCertificateChange(*snapshot, old->key, conversion);
  if (wrong.status != 0) return wrong;
  if (key->has_basic_login() && !old->key.has_basic_login())
    return ErrorAnswer(400, "basic_auth_data: this key has no user name: POST /tyk/keys/USERNAME");
  KeepFromOld(call, old->key, key);
  resource.set_id(key->id());
  Write write;
  write.mutations = TakeInlineCertificates(*snapshot, &conversion);
  Mutation& mutation = write.mutations.emplace_back();
  mutation.resource = resource;
  mutation.secret_data = std::move(conversion.resources.back().secret_data);
  mutation.must_exist = true;
  mutation.expected_revision = old->revision;
  const auto result = call.writer.Run(std::move(write));
  *status = result.status();
  if (!result.ok()) {
    AuditRefused(call, "key.update", old->key.id(), result.status());
    return KeyFailure(result.status());
  }
  Audit(call, "key.update", old->key.id(), result->revision);
  Response response = KeyAnswer(call.rest, action);
  AddWarnings(WarningTexts(conversion), &response);
  AddWarnings(result->AllWarnings(), &response);
  return response;
}

Response Update(const Call& call, const dialects::Node& document, absl::string_view action) {
  Response response;
  for (int i = 0; i < kTries; ++i) {
    absl::Status status;
    response = UpdateOnce(call, document, action, &status);
    if (!absl::IsAborted(status)) break;
  }
  return response;
}

Response Put(const Call& call) {
  const auto document = dialects::ReadJson(call.request.body);
  if (!document.ok() || !document->IsObject()) return ErrorAnswer(400, "Request malformed");
  return Update(call, *document, "modified");
}

Response Custom(const Call& call) {
  const auto document = dialects::ReadJson(call.request.body);
  if (!document.ok() || !document->IsObject()) return ErrorAnswer(400, "Request malformed");
  NewKey made{dialects::ConvertTykSession(*document, OptionsFor(call)), "", false};
  if (!made.conversion.ok()) return ErrorAnswer(400, made.conversion.status().message());
  if (call.rest.size() < call.options.min_token_length &&
      !made.resource().key().has_basic_login()) {
    return ErrorAnswer(
        400, absl::StrCat("Key must have at least ", call.options.min_token_length, " characters"));
  }
  const SnapshotPtr snapshot = call.writer.snapshot();
  if (FindNamedKey(*snapshot, call.Org(), call.rest, false) != nullptr)
    return Update(call, *document, "added");
  v1::Key* key = made.resource().mutable_key();
  if (Response wrong = CheckSession(call, *snapshot, key); wrong.status != 0) return wrong;
  return key->has_basic_login() ? CreateUser(call, std::move(made))
                                : CreateCustom(call, std::move(made));
}

// What is left of the quota and what the key was used for, as replicas have reported it.
Response WithUsage(const Call& call, const std::string& key_id, const std::string& text) {
  const std::optional<KeyUsage> usage =
      call.options.usage ? call.options.usage(key_id) : std::nullopt;
  Json session = Json::parse(text, nullptr, false);
  if (!session.is_object()) return TextAnswer(text);
  const auto max = session.find("quota_max");
  if (max != session.end() && max->is_number() && max->get<int64_t>() > 0) {
    const int64_t used = usage.has_value() ? usage->quota_used : 0;
    session["quota_remaining"] = std::max<int64_t>(0, max->get<int64_t>() - used);
    session["quota_renews"] = usage.has_value() ? usage->quota_window_end_unix : 0;
  }
  if (usage.has_value()) {
    session["usage"] = {{"last_used_unix_ms", usage->last_unix_ms},
                        {"allowed", usage->allowed},
                        {"refused", usage->refused}};
  }
  return JsonAnswer(session);
}

Response Show(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const KeyEntry* entry = FindNamedKey(*snapshot, call.Org(), call.rest, call.Flag("hashed"));
  if (entry == nullptr) return ErrorAnswer(404, "Key not found");
  const auto resource = call.writer.ReadResource(Kind::kKey, entry->key.id());
  if (absl::IsNotFound(resource.status())) return ErrorAnswer(404, "Key not found");
  if (!resource.ok()) return WriteFailure(resource.status(), 500, resource.status().message());
  return WithUsage(call, entry->key.id(), dialects::TykSessionJson(*resource));
}

bool MayUse(const v1::Key& key, absl::string_view api_id) {
  if (key.all_apis()) return true;
  for (const v1::AccessRight& right : key.access_rights()) {
    if (right.api_id() == api_id) return true;
  }
  return false;
}

// Ids, never tokens: those are not known here.
Response List(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const bool one_org = call.request.Query("org_id").has_value();
  const std::string org = call.Org();
  const auto api = call.request.Query("api_id");
  const auto filter = call.request.Query("filter");
  Json keys = Json::array();
  std::string token;
  do {
    const auto page = snapshot->ListKeys(one_org ? &org : nullptr, token, kPage);
    for (const KeyEntry* entry : page.entries) {
      if (api.has_value() && !MayUse(entry->key, *api)) continue;
      if (filter.has_value() && !absl::StartsWith(entry->key.id(), *filter)) continue;
      keys.push_back(entry->key.id());
    }
    token = page.next;
  } while (!token.empty());
  return JsonAnswer({{"keys", std::move(keys)}});
}

Response Remove(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  const KeyEntry* entry = FindNamedKey(*snapshot, call.Org(), call.rest, call.Flag("hashed"));
  if (entry == nullptr) return ErrorAnswer(404, "There is no such key found");
  Write write;
  Mutation& mutation = write.mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kKey;
  mutation.id = entry->key.id();
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "key.delete", entry->key.id(), result.status());
    if (absl::IsNotFound(result.status())) return ErrorAnswer(404, "There is no such key found");
    return WriteFailure(result.status(), 400, result.status().message());
  }
  Audit(call, "key.delete", entry->key.id(), result->revision);
  return KeyAnswer(call.rest, "deleted");
}

Response Preview(const Call& call) {
  const auto document = dialects::ReadJson(call.request.body);
  if (!document.ok() || !document->IsObject()) return ErrorAnswer(500, "Unmarshalling failed");
  dialects::Conversion conversion = dialects::ConvertTykSession(*document, OptionsFor(call));
  if (!conversion.ok()) return ErrorAnswer(400, conversion.status().message());
  v1::Key* key = conversion.resources.back().resource.mutable_key();
  const SnapshotPtr snapshot = call.writer.snapshot();
  if (absl::Status status = MergePolicies(*snapshot, key); !status.ok()) {
    return ErrorAnswer(500, absl::StrCat("Failed to create key - ", status.message()));
  }
  v1::Resource shown;  // without its document, so that it is made from the key
  *shown.mutable_key() = *key;
  return TextAnswer(dialects::TykSessionJson(shown));
}

}  // namespace

Response HandleKeys(const Call& call) {
  if (call.rest == "create") return call.Is("POST") ? Create(call) : MethodNotSupported();
  if (call.rest == "preview") return call.Is("POST") ? Preview(call) : MethodNotSupported();
  if (call.rest.empty()) return call.Is("GET") ? List(call) : MethodNotSupported();
  if (call.Is("GET")) return Show(call);
  if (call.Is("PUT")) return Put(call);
  if (call.Is("POST")) return Custom(call);
  return call.Is("DELETE") ? Remove(call) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
