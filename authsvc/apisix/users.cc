// Which objects refer to which.
#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/apisix/change.h"

namespace sallyport::authsvc::apisix {
namespace {

// By which member an object of that collection is named.
absl::string_view MemberOf(absl::string_view collection) {
  if (collection == "upstreams") return "upstream_id";
  if (collection == "services") return "service_id";
  if (collection == "plugin_configs") return "plugin_config_id";
  return "";
}

bool NamesCertificate(const Json& holder, absl::string_view id) {
  const Json* const tls = dialect::Get(holder, "tls");
  return tls != nullptr && dialect::Id(*tls, "client_cert_id") == id;
}

bool Names(const Json& document, absl::string_view collection, absl::string_view id) {
  const absl::string_view member = MemberOf(collection);
  if (!member.empty()) return dialect::Id(document, member) == id;
  if (collection != "ssls") return false;
  const Json* const upstream = dialect::Get(document, "upstream");
  return NamesCertificate(document, id) || (upstream != nullptr && NamesCertificate(*upstream, id));
}

}  // namespace

std::string UserOf(const dialect::Objects& objects, const dialect::Collection& collection,
                   absl::string_view id) {
  std::string found;
  if (MemberOf(collection.name).empty() && collection.name != "ssls") return found;
  for (const char* const of : {"routes", "services", "upstreams"}) {
    objects.ForEach(of, [&](absl::string_view user, const dialect::Object& object) {
      if (found.empty() && Names(*object.document, collection.name, id))
        found = absl::StrCat(dialect::FindCollection(of)->singular, " [", user, "]");
    });
  }
  return found;
}

}  // namespace sallyport::authsvc::apisix
