#include "authsvc/change/sealed_value.h"

#include <utility>

namespace sallyport::authsvc {

absl::StatusOr<v1::SealedSecret> SealValue(const ValueSealing& sealing, absl::string_view record,
                                           absl::string_view field, absl::string_view value,
                                           const v1::SealedSecret* stored) {
  if (sealing.sealer == nullptr)
    return absl::FailedPreconditionError("no master key is configured: secrets are refused");
  if (stored != nullptr && !stored->ciphertext().empty()) {
    const auto opened = OpenValue(sealing, record, field, *stored);
    if (opened.ok() && opened->Reveal() == value) return *stored;
  }
  auto sealed = sealing.sealer->Seal({sealing.store_id, record, field}, value);
  if (!sealed.ok()) return sealed.status();
  v1::SealedSecret out;
  out.set_master_key_id(std::move(sealed->master_key_id));
  out.set_wrapped_data_key(std::move(sealed->wrapped_data_key));
  out.set_ciphertext(std::move(sealed->ciphertext));
  return out;
}

absl::StatusOr<base::Secret> OpenValue(const ValueSealing& sealing, absl::string_view record,
                                       absl::string_view field, const v1::SealedSecret& sealed) {
  if (sealing.sealer == nullptr)
    return absl::FailedPreconditionError("no master key is configured: secrets stay sealed");
  return sealing.sealer->Open(
      {sealing.store_id, record, field},
      {sealed.master_key_id(), sealed.wrapped_data_key(), sealed.ciphertext()});
}

}  // namespace sallyport::authsvc
