#include "dataplane/upstream_tls/credentials_digest.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "shared/base/secret.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::dataplane {
namespace {

// Length-prefixed, so that no two different lists of fields give the same bytes.
class Fields {
 public:
  void Add(absl::string_view value) {
    absl::StrAppend(&bytes_, value.size(), ":");
    bytes_.append(value.data(), value.size());
  }
  void Add(const std::string& value) { Add(base::ToAbsl(value)); }
  void Add(bool value) { bytes_ += value ? "1;" : "0;"; }
  void AddList(const std::vector<std::string>& values) {
    absl::StrAppend(&bytes_, values.size(), "[");
    for (const std::string& value : values) Add(base::ToAbsl(value));
  }
  [[nodiscard]] std::string Digest() const {
    return crypto::Sha256({bytes_.data(), bytes_.size()});
  }

 private:
  std::string bytes_;
};

std::vector<std::string> Sorted(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

std::string CredentialsDigest(const UpstreamCredentials& credentials) {
  Fields fields;
  fields.Add(base::ToAbsl(credentials.certificate_id));
  fields.AddList(credentials.client_chain_der);
  // Of the key only a digest: no copy of it stays behind in a buffer here.
  fields.Add(base::ToAbsl(crypto::Sha256(credentials.client_key_der.Reveal())));
  fields.Add(credentials.pinned);
  fields.AddList(Sorted(credentials.pin_spki_sha256));
  fields.Add(credentials.pin_report_only);
  fields.Add(credentials.pin_adds);
  fields.Add(credentials.insecure_skip_verify);
  fields.Add(base::ToAbsl(credentials.min_version));
  fields.Add(base::ToAbsl(credentials.max_version));
  fields.AddList(credentials.ciphers);
  fields.Add(credentials.common_name_check);
  fields.AddList(Sorted(credentials.trust_der));
  fields.Add(base::ToAbsl(credentials.server_name));
  fields.Add(credentials.proxy.has_value());
  if (credentials.proxy.has_value()) {
    fields.Add(base::ToAbsl(credentials.proxy->host));
    fields.Add(absl::StrCat(credentials.proxy->port));
    fields.Add(base::ToAbsl(credentials.proxy->username));
    fields.Add(base::ToAbsl(crypto::Sha256(credentials.proxy->password.Reveal())));
  }
  return fields.Digest();
}

}  // namespace sallyport::dataplane
