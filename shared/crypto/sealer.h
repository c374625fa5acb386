// Sealing of secrets at rest: AES-256-GCM under a random data key per record, which is wrapped by a
// master key that lives outside the store. Additional data binds a sealed value to its store,
// record and field, so that it cannot be moved to another. Thread-safe: immutable after Create.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/base/secret.h"

namespace sallyport::crypto {

struct MasterKey {
  std::string id;    // [A-Za-z0-9._-]{1,64}
  base::Secret key;  // 32 bytes
};

// Lines "ID HEX" (64 hex digits); blank lines and lines that start with # are skipped. The first
// key seals, all open. InvalidArgument names the line and never its content.
[[nodiscard]] absl::StatusOr<std::vector<MasterKey>> ParseMasterKeys(absl::string_view text);
// One line for a new random master key.
[[nodiscard]] base::Secret NewMasterKeyLine(absl::string_view id);

// The fields of v1::SealedSecret.
struct Sealed {
  std::string master_key_id;
  std::string wrapped_data_key;  // nonce || ciphertext || tag
  std::string ciphertext;        // nonce || ciphertext || tag
};

struct SealPlace {
  absl::string_view store_id;
  absl::string_view record;  // "certificate/ID", …
  absl::string_view field;   // "private_key", …
};

class Sealer {
 public:
  // The first key seals; every key opens (rotation: put the new one first, rewrap, take the old
  // out).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<const Sealer>> Create(
      std::vector<MasterKey> keys);
  ~Sealer();

  [[nodiscard]] absl::StatusOr<Sealed> Seal(const SealPlace& place, absl::string_view secret) const;
  // NotFound: no such master key. DataLoss: changed, or sealed for another place.
  [[nodiscard]] absl::StatusOr<base::Secret> Open(const SealPlace& place,
                                                  const Sealed& sealed) const;
  // True when another key than the first one wraps it.
  [[nodiscard]] bool NeedsRewrap(const Sealed& sealed) const;
  // The same ciphertext with its data key wrapped by the first master key.
  [[nodiscard]] absl::StatusOr<Sealed> Rewrap(const SealPlace& place, const Sealed& sealed) const;
  [[nodiscard]] const std::string& sealing_key_id() const;

 private:
  explicit Sealer(std::vector<MasterKey> keys);
  [[nodiscard]] const MasterKey* Find(absl::string_view id) const;
  [[nodiscard]] absl::StatusOr<base::Secret> Unwrap(const SealPlace& place,
                                                    const Sealed& sealed) const;

  std::vector<MasterKey> keys_;
};

}  // namespace sallyport::crypto
