// What a dialect makes of one document. The one registry of dialects is at the end of this file.
// Everything here is pure and thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "authsvc/dialects/node.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects {

namespace apk {
class Objects;
}

class OasBases;

namespace v1 = sallyport::v1;

struct Problem {
  std::string path;  // "auth_configs.authToken.use_certificate", "client_certificates[2]"
  int line = 0;      // 0: unknown
  std::string message;
  [[nodiscard]] std::string ToString() const;  // "path (line N): message"
};

struct Converted {
  v1::Resource resource;  // dialect and document are set, revision is not
  // Of a certificate that came with its key, PKCS#8 DER, not sealed yet.
  base::Secret private_key;
  // SHA-256 of the certificate that the key has been proven to belong to; empty: not proven.
  std::string private_key_of;
  // Of an Api whose forward proxy came with a password, not sealed yet.
  base::Secret proxy_password;
  // Of a TokenIssuer: its shared secrets, not sealed yet.
  std::vector<base::Secret> shared_secrets;
  // Of a Secret: its data other than certificates, not sealed yet.
  std::map<std::string, base::Secret> secret_data;
};

struct Conversion {
  std::vector<Converted> resources;  // certificates that stood inline come first
  std::vector<Problem> warnings;
  std::vector<Problem> errors;         // any: do not use the resources
  std::vector<std::string> gone_apis;  // ids: what was made of it before and is not made any more

  [[nodiscard]] bool ok() const { return errors.empty(); }
  // kInvalidArgument with every error, or OK.
  [[nodiscard]] absl::Status status() const;
  void Warn(absl::string_view path, const Node* at, absl::string_view message);
  void Refuse(absl::string_view path, const Node* at, absl::string_view message);
};

// The text at `key` of a ConfigMap ("namespace/name"). kNotFound: says what is not there.
using ConfigMapReader =
    std::function<absl::StatusOr<std::string>(const std::string& id, const std::string& key)>;

struct ConvertOptions {
  std::string org_id;      // for documents that name none
  std::string name_space;  // likewise; Kubernetes-style documents
  int64_t now_unix = 0;
  // TYK_GW_NAME=value, laid over a tyk.conf; other dialects have no use for it.
  std::vector<std::string> tyk_environment;
  // The content of a file of this machine, for a document that is this process's own file: there a
  // path may stand where a certificate's id may. Empty: it may not.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  ConfigMapReader config_map;  // empty: there is none
  // What was made of the text in a ConfigMap and is stored, with document and set: made anew when
  // the ConfigMap is. Empty: there is none.
  std::function<std::vector<v1::Resource>(const std::string& id)> made_of_config_map;
  // The resources of WSO2 APK that stand beside a document; null: there are none.
  const apk::Objects* apk = nullptr;
  // Those that are stored, as DialectObjects with their set. Empty: there are none.
  std::function<std::vector<v1::Resource>()> apk_stored;
  // Where the sandboxes of apk-confs are served; none: they are refused.
  std::vector<std::string> apk_sandbox_hosts;
  // Tyk OAS definitions that name other APIs as their versions, as they will be; null: versions in
  // API definitions of their own are refused.
  const OasBases* oas_bases = nullptr;
  // Those that are stored. Empty: there are none.
  std::function<std::vector<Node>()> stored_oas_bases;
  // Of those that are stored, one that is deleted now: what it had a part in is made anew without
  // it. Empty: none.
  std::string gone_object;
  // The stored API of that id, with document and set. Empty: there is none.
  std::function<std::optional<v1::Resource>(const std::string& id)> stored_api;
};

// X(name as in ApplyRequest.as and Resource.dialect)
inline constexpr absl::string_view kStored = "stored";
inline constexpr absl::string_view kNative = "native";
inline constexpr absl::string_view kTykClassic = "tyk-classic";
inline constexpr absl::string_view kTykOas = "tyk-oas";
inline constexpr absl::string_view kTykOperator = "tyk-operator";
inline constexpr absl::string_view kKubernetes = "kubernetes";
inline constexpr absl::string_view kTykKey = "tyk-key";
inline constexpr absl::string_view kTykPolicy = "tyk-policy";
inline constexpr absl::string_view kTykGateway = "tyk-gateway";
inline constexpr absl::string_view kApkConf = "apk-conf";
inline constexpr absl::string_view kApk = "apk";

struct Dialect {
  absl::string_view name;
  absl::string_view summary;
  // Whether a document has the kind or shape of this dialect.
  bool (*recognises)(const Node& document);
  Conversion (*convert)(const Node& document, const ConvertOptions& options);
};

// In order of recognition.
[[nodiscard]] absl::Span<const Dialect> Dialects();
// By name (null: unknown) or by kind and shape (null: none, `why` says what was looked for and, for
// a kind of a later version, names it).
[[nodiscard]] const Dialect* FindDialect(absl::string_view name);
[[nodiscard]] const Dialect* RecogniseDialect(const Node& document, std::string* why);

}  // namespace sallyport::authsvc::dialects
