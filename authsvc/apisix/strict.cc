#include "authsvc/apisix/strict.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apisix/route.h"

namespace sallyport::authsvc::apisix {
namespace {

constexpr char kListener[] = "apisix";

bool CanBeStrict(const dialect::SslIndex::Ssl& ssl) {
  return !ssl.authorities.empty() && ssl.exempt.empty();
}

// A wildcard that is strict is so for every name in it: one that has an object of its own that is
// not must get through.
bool HoldsAnother(const std::string& wildcard, const dialect::SslIndex& ssls) {
  for (const auto& ssl : ssls.all()) {
    if (CanBeStrict(ssl)) continue;
    for (const std::string& name : ssl.names) {
      const size_t dot = name.find('.');
      if (dot != std::string::npos && absl::StrCat("*", name.substr(dot)) == wildcard) return true;
    }
  }
  return false;
}

v1::Listener Wanted(const dialect::SslIndex& ssls, const StrictPlace& place) {
  v1::Listener listener;
  listener.set_id(kListener);
  listener.set_address(place.address);
  listener.set_port(place.port);
  listener.set_style("apisix");
  listener.set_fallback_server_name(place.fallback_server_name);
  for (const auto& ssl : ssls.all()) {
    if (!CanBeStrict(ssl)) continue;
    v1::StrictClientTls entry;
    for (const std::string& name : ssl.names) {
      if (ssls.Find(name) == &ssl && !(name[0] == '*' && HoldsAnother(name, ssls)))
        entry.add_server_names(name);
    }
    if (entry.server_names().empty()) continue;
    entry.add_trust_bundle_ids(dialect::MadeId("ssls", ssl.id));
    entry.set_max_depth(ssl.max_depth);
    *listener.add_strict_client_tls() = std::move(entry);
  }
  return listener;
}

}  // namespace

std::optional<Mutation> StrictMutation(const Snapshot& snapshot, const dialect::Objects& objects,
                                       const StrictPlace& place) {
  const ListenerEntry* const there = snapshot.FindListener(kListener);
  const bool ours =
      there != nullptr && there->origin != nullptr && there->origin->dialect == dialect::kDialect;
  if (there != nullptr && !ours) return std::nullopt;  // somebody else's of that name
  const v1::Listener wanted =
      place.port == 0 ? v1::Listener() : Wanted(dialect::SslIndex(objects), place);
  Mutation mutation;
  if (wanted.strict_client_tls().empty() && wanted.fallback_server_name().empty()) {
    if (!ours) return std::nullopt;
    mutation.op = Mutation::Op::kDelete;
    mutation.kind = Kind::kListener;
    mutation.id = kListener;
    mutation.missing_ok = true;
    return mutation;
  }
  if (ours && google::protobuf::util::MessageDifferencer::Equals(there->listener, wanted))
    return std::nullopt;
  mutation.resource.set_dialect(std::string(dialect::kDialect));
  *mutation.resource.mutable_listener() = wanted;
  return mutation;
}

}  // namespace sallyport::authsvc::apisix
