#include "authsvc/change/credentials.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/resource.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/digest.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc {
namespace {

// Warnings of an upload: what the parser said and what the write said.
std::vector<std::string> Join(std::vector<std::string> first, std::vector<std::string> second) {
  for (auto& text : second) {
    if (std::find(first.begin(), first.end(), text) == first.end())
      first.push_back(std::move(text));
  }
  return first;
}

// True when the upload brings nothing that the store does not have.
bool NothingNew(const CertificateEntry& stored, const Mutation& upload,
                const AddCertificateOptions& options) {
  const bool brings_key = !upload.private_key.empty() && !stored.has_private_key();
  const bool moves_name = !options.name.empty() && stored.name != options.name;
  return !brings_key && !moves_name;
}

// An upload without a name does not take one away, nor the source that it came with.
void KeepNameAndSource(const CertificateEntry& stored, v1::Certificate* certificate) {
  if (certificate->name().empty()) certificate->set_name(stored.name);
  if (certificate->source().empty()) certificate->set_source(stored.source);
}

constexpr int kTries = 3;  // against writes in between

absl::Status AlreadyThere(absl::string_view id) {
  return absl::AlreadyExistsError(absl::StrCat("Certificate with ", id, " id already exists"));
}

}  // namespace

absl::StatusOr<Mutation> CertificateMutation(crypto::PemBundle bundle,
                                             const AddCertificateOptions& options, absl::Time now) {
  if (!bundle.chain.empty() && bundle.chain[0]->not_after < now) {
    return absl::InvalidArgumentError("certificate is expired");
  }
  Mutation mutation;
  auto* certificate = mutation.resource.mutable_certificate();
  certificate->set_org_id(options.org_id);
  certificate->set_name(options.name);
  certificate->set_source(options.source);
  for (const auto& one : bundle.chain) certificate->add_chain_der(one->der);
  certificate->set_public_key_der(bundle.public_key_der);
  certificate->set_id(bundle.chain.empty()
                          ? crypto::PublicKeyId(options.org_id, bundle.public_key_der)
                          : crypto::CertificateId(options.org_id, *bundle.chain[0]));
  if (!options.drop_private_key) mutation.private_key = std::move(bundle.private_key);
  return mutation;
}

namespace {

absl::StatusOr<AddedCertificate> AddOnce(Writer& writer, absl::string_view content,
                                         const AddCertificateOptions& options) {
  const absl::Time now = writer.clock().Now();
  auto bundle = crypto::ParsePemOrDer(content, now);
  if (!bundle.ok()) return bundle.status();
  std::vector<std::string> warnings = std::move(bundle->warnings);
  auto mutation = CertificateMutation(*std::move(bundle), options, now);
  if (!mutation.ok()) return mutation.status();

  AddedCertificate added;
  added.id = mutation->resource.certificate().id();
  const SnapshotPtr snapshot = writer.snapshot();
  if (const auto* stored = snapshot->FindCertificateById(added.id); stored != nullptr) {
    added.existed = true;
    if (NothingNew(*stored, *mutation, options)) {
      if (!options.if_exists_ok) return AlreadyThere(added.id);
      added.revision = snapshot->revision();
      added.warnings = std::move(warnings);
      return added;
    }
    KeepNameAndSource(*stored, mutation->resource.mutable_certificate());
    mutation->expected_revision = stored->revision;
  } else {
    mutation->must_create = true;  // another may add it at this moment
  }
  Write write;
  write.dry_run = options.dry_run;
  write.mutations.push_back(*std::move(mutation));
  auto result = writer.Run(std::move(write));
  if (!result.ok()) return result.status();
  added.revision = result->revision;
  added.warnings = Join(std::move(warnings), result->AllWarnings());
  return added;
}

}  // namespace

absl::StatusOr<AddedCertificate> AddCertificate(Writer& writer, absl::string_view content,
                                                const AddCertificateOptions& options) {
  for (int attempt = 1;; ++attempt) {
    auto added = AddOnce(writer, content, options);
    if (!absl::IsAborted(added.status()) || attempt == kTries) return added;
  }
}

std::string NewToken() {
  std::string token;
  absl::WebSafeBase64Escape(crypto::RandomBytes(32), &token);
  return token;
}

absl::StatusOr<CreatedKey> CreateKey(Writer& writer, v1::Key key, const CreateKeyOptions& options,
                                     absl::Time now) {
  Write write;
  write.dry_run = options.dry_run;
  CreatedKey created;
  if (!options.certificate.empty()) {
    auto bundle = crypto::ParsePemOrDer(options.certificate, now);
    if (!bundle.ok()) return bundle.status();
    if (bundle->chain.empty()) {
      return absl::InvalidArgumentError("a bare public key cannot be a key's certificate");
    }
    created.warnings = std::move(bundle->warnings);
    AddCertificateOptions upload;
    upload.org_id = key.org_id();
    upload.drop_private_key = true;
    auto mutation = CertificateMutation(*std::move(bundle), upload, now);
    if (!mutation.ok()) return mutation.status();
    const std::string id = mutation->resource.certificate().id();
    if (writer.snapshot()->FindCertificateById(id) == nullptr) {
      write.mutations.push_back(*std::move(mutation));
    }
    const auto& ids = key.certificate_ids();
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) key.add_certificate_ids(id);
  }
  if (key.id().empty()) {
    const bool has_certificate =
        !key.certificate_ids().empty() && !StableName(key.certificate_ids(0));
    key.set_id(has_certificate ? key.certificate_ids(0)
                               : absl::StrCat(key.org_id(), crypto::RandomHex(16)));
  }
  created.id = key.id();
  if (options.with_token) {
    created.token = NewToken();
    key.add_token_sha256(crypto::Sha256(created.token));
  }
  Mutation mutation;
  mutation.must_create = true;
  *mutation.resource.mutable_key() = std::move(key);
  write.mutations.push_back(std::move(mutation));
  auto result = writer.Run(std::move(write));
  if (!result.ok()) return result.status();
  created.revision = result->revision;
  created.warnings = Join(std::move(created.warnings), result->AllWarnings());
  return created;
}

absl::StatusOr<CreatedKey> RotateKey(Writer& writer, absl::string_view id, bool keep_old) {
  auto resource = writer.ReadResource(Kind::kKey, id);
  if (!resource.ok()) return resource.status();
  const SnapshotPtr snapshot = writer.snapshot();
  const KeyEntry* entry = snapshot->FindKey(id);
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("Key ", id, " not found"));
  CreatedKey rotated;
  rotated.id = std::string(id);
  rotated.token = NewToken();
  Mutation mutation;
  mutation.must_exist = true;
  mutation.expected_revision = resource->revision();
  auto* key = resource->mutable_key();
  if (keep_old) *key->mutable_token_sha256() = entry->key.token_sha256();
  key->add_token_sha256(crypto::Sha256(rotated.token));
  mutation.resource = *std::move(resource);
  Write write;
  write.mutations.push_back(std::move(mutation));
  auto result = writer.Run(std::move(write));
  if (!result.ok()) return result.status();
  rotated.revision = result->revision;
  rotated.warnings = result->AllWarnings();
  return rotated;
}

}  // namespace sallyport::authsvc
