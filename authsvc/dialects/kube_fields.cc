#include "authsvc/dialects/kube_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr FieldRule kKubeSecret[] = {
    {"apiVersion", Use::kUsed},   {"kind", Use::kUsed},   {"metadata", Use::kUsed},
    {"type", Use::kUsed},         {"data", Use::kUsed},   {"stringData", Use::kUsed},
    {"certificates", Use::kUsed}, {"sealed", Use::kUsed}, {"immutable", Use::kInert},
    {"status", Use::kKept},
};

constexpr FieldRule kKubeConfigMap[] = {
    {"apiVersion", Use::kUsed},   {"kind", Use::kUsed},
    {"metadata", Use::kUsed},     {"data", Use::kUsed},
    {"certificates", Use::kUsed}, {"binaryData", Use::kInert, "is not read"},
    {"immutable", Use::kInert},
};

constexpr FieldRule kOperatorObject[] = {
    {"apiVersion", Use::kUsed}, {"kind", Use::kUsed},   {"metadata", Use::kUsed},
    {"spec", Use::kUsed},       {"status", Use::kKept},
};

constexpr FieldRule kOperatorReferences[] = {
    {"client_certificate_refs", Use::kUsed},
    {"upstream_certificate_refs", Use::kUsed},
    {"pinned_public_keys_refs", Use::kUsed},
    {"certificate_secret_names", Use::kUsed},
    {"contextRef", Use::kInert, "everything belongs to the one organisation of this gateway"},
};

constexpr FieldRule kOperatorOas[] = {
    {"tykOAS", Use::kUsed},
    {"clientCertificate", Use::kUsed},
    {"mutualTLS", Use::kUsed},
    {"certificatePinning", Use::kUsed},
    {"customDomain", Use::kUsed},
    {"contextRef", Use::kInert, "everything belongs to the one organisation of this gateway"},
    {"versioning", Use::kRefused, "versions in other API definitions do not exist here"},
};

constexpr FieldRule kOperatorTykOas[] = {{"configmapRef", Use::kUsed}};

constexpr FieldRule kOperatorConfigMapRef[] = {
    {"name", Use::kUsed},
    {"namespace", Use::kUsed},
    {"keyName", Use::kUsed},
};

constexpr FieldRule kOperatorClientCertificate[] = {
    {"enabled", Use::kUsed},
    {"allowlist", Use::kUsed},
};

constexpr FieldRule kOperatorMutualTls[] = {
    {"enabled", Use::kUsed},
    {"domainToCertificateMapping", Use::kUsed},
};

constexpr FieldRule kOperatorCertificateMapping[] = {
    {"domain", Use::kUsed},
    {"certificateRef", Use::kUsed},
    {"certificateID", Use::kUsed},
};

constexpr FieldRule kOperatorPinning[] = {
    {"enabled", Use::kUsed},
    {"domainToPublicKeysMapping", Use::kUsed},
};

constexpr FieldRule kOperatorPinMapping[] = {
    {"domain", Use::kUsed},
    {"publicKeyRefs", Use::kUsed},
    {"publicKeys", Use::kUsed},
};

constexpr FieldRule kOperatorDomain[] = {
    {"enabled", Use::kUsed},
    {"name", Use::kUsed},
    {"certificates", Use::kUsed},
    {"certificatesRef", Use::kUsed},
};

}  // namespace

ObjectRules KubeSecretRules() { return {kKubeSecret, true}; }
ObjectRules KubeConfigMapRules() { return {kKubeConfigMap, true}; }
ObjectRules OperatorObjectRules() { return {kOperatorObject, true}; }
ObjectRules OperatorReferenceRules() { return {kOperatorReferences, true}; }
ObjectRules OperatorOasRules() { return {kOperatorOas, true}; }
ObjectRules OperatorTykOasRules() { return {kOperatorTykOas, true}; }
ObjectRules OperatorConfigMapRefRules() { return {kOperatorConfigMapRef, true}; }
ObjectRules OperatorClientCertificateRules() { return {kOperatorClientCertificate, true}; }
ObjectRules OperatorMutualTlsRules() { return {kOperatorMutualTls, true}; }
ObjectRules OperatorCertificateMappingRules() { return {kOperatorCertificateMapping, true}; }
ObjectRules OperatorPinningRules() { return {kOperatorPinning, true}; }
ObjectRules OperatorPinMappingRules() { return {kOperatorPinMapping, true}; }
ObjectRules OperatorDomainRules() { return {kOperatorDomain, true}; }

}  // namespace sallyport::authsvc::dialects
