#include "authsvc/tickets/ticket_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/stored.pb.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::string_view kField = "keys";

crypto::Sealed SealedFrom(const v1::SealedSecret& stored) {
  return {stored.master_key_id(), stored.wrapped_data_key(), stored.ciphertext()};
}

}  // namespace

std::string TicketRecordName(absl::string_view group) {
  return absl::StrCat("ticket_keys/", group);
}

absl::StatusOr<std::string> SealRing(const TicketPlace& place, const TicketRing& ring) {
  const std::string name = TicketRecordName(place.group);
  const base::Secret keys = EncodeTicketKeys(ring.keys);
  auto sealed = place.sealer.Seal({place.store_id, name, kField}, keys.Reveal());
  if (!sealed.ok()) return sealed.status();
  v1::StoredTicketKeys stored;
  stored.mutable_sealed()->set_master_key_id(sealed->master_key_id);
  stored.mutable_sealed()->set_wrapped_data_key(sealed->wrapped_data_key);
  stored.mutable_sealed()->set_ciphertext(sealed->ciphertext);
  if (!ring.keys.empty()) stored.set_made_unix_ms(absl::ToUnixMillis(ring.keys.front()->made));
  for (const std::string& mark : ring.denied) stored.add_denied(mark);
  return stored.SerializeAsString();
}

StoredRing OpenRing(const TicketPlace& place, absl::string_view body) {
  StoredRing out;
  out.made = absl::InfinitePast();
  v1::StoredTicketKeys stored;
  if (!stored.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    out.opened = absl::DataLossError("stored ticket keys are damaged");
    return out;
  }
  out.made = absl::FromUnixMillis(stored.made_unix_ms());
  for (const std::string& mark : stored.denied()) out.ring.denied.insert(mark);
  const crypto::Sealed sealed = SealedFrom(stored.sealed());
  const std::string name = TicketRecordName(place.group);
  const auto secret = place.sealer.Open({place.store_id, name, kField}, sealed);
  out.opened = secret.status();
  if (!secret.ok()) return out;
  out.rewrap = place.sealer.NeedsRewrap(sealed);
  auto keys = DecodeTicketKeys(secret->Reveal());
  if (keys.ok()) {
    out.ring.keys = *std::move(keys);
  } else {
    out.opened = keys.status();
  }
  return out;
}

}  // namespace sallyport::authsvc
