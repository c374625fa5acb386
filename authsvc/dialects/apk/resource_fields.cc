#include "authsvc/dialects/apk/resource_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr FieldRule kResource[] = {
    {"apiVersion", Use::kUsed}, {"kind", Use::kUsed},   {"metadata", Use::kUsed},
    {"spec", Use::kUsed},       {"status", Use::kKept},
};

constexpr FieldRule kTargetRef[] = {
    {"kind", Use::kUsed},
    {"name", Use::kUsed},
    {"namespace", Use::kUsed},
    {"group", Use::kKept},
};

constexpr FieldRule kRef[] = {{"name", Use::kUsed}, {"key", Use::kUsed}};

constexpr FieldRule kCertificateSource[] = {
    {"certificateInline", Use::kUsed},
    {"secretRef", Use::kUsed},
    {"configMapRef", Use::kUsed},
};

constexpr FieldRule kAuthenticationSpec[] = {
    {"default", Use::kUsed},
    {"override", Use::kUsed},
    {"targetRef", Use::kUsed},
};

constexpr FieldRule kAuthSpec[] = {
    {"disabled", Use::kUsed},
    {"authTypes", Use::kUsed},
    {"mtls", Use::kUsed},  // as the product's own page has it
};

constexpr FieldRule kAuthTypes[] = {
    {"oauth2", Use::kUsed},
    {"apiKey", Use::kUsed},
    {"jwt", Use::kUsed},
    {"mtls", Use::kUsed},
};

constexpr FieldRule kAuthOAuth2[] = {
    {"required", Use::kUsed},
    {"disabled", Use::kUsed},
    {"header", Use::kUsed},
    {"sendTokenToUpstream", Use::kUsed},
};

constexpr FieldRule kAuthJwt[] = {
    {"disabled", Use::kUsed}, {"required", Use::kUsed},
    {"header", Use::kUsed},   {"sendTokenToUpstream", Use::kUsed},
    {"audience", Use::kUsed},
};

constexpr FieldRule kAuthApiKey[] = {{"required", Use::kUsed}, {"keys", Use::kUsed}};

constexpr FieldRule kAuthApiKeyPlace[] = {
    {"in", Use::kUsed},
    {"name", Use::kUsed},
    {"sendTokenToUpstream", Use::kUsed},
};

constexpr FieldRule kAuthMtls[] = {
    {"disabled", Use::kUsed},   {"required", Use::kUsed},      {"certificatesInline", Use::kUsed},
    {"secretRefs", Use::kUsed}, {"configMapRefs", Use::kUsed},
};

constexpr absl::string_view kOneOrganisation =
    "everything belongs to the one organisation of this gateway";

constexpr FieldRule kTokenIssuerSpec[] = {
    {"name", Use::kUsed},
    {"issuer", Use::kUsed},
    {"consumerKeyClaim", Use::kUsed},
    {"scopesClaim", Use::kUsed},
    {"signatureValidation", Use::kUsed},
    {"claimMappings", Use::kUsed},
    {"organization", Use::kInert, kOneOrganisation},
    {"environments", Use::kInert, "everything belongs to the one environment of this gateway"},
    {"targetRef", Use::kKept},
};

constexpr FieldRule kSignatureValidation[] = {{"jwks", Use::kUsed}, {"certificate", Use::kUsed}};
constexpr FieldRule kJwks[] = {{"url", Use::kUsed}, {"tls", Use::kUsed}};
constexpr FieldRule kClaimMapping[] = {{"remoteClaim", Use::kUsed}, {"localClaim", Use::kUsed}};

}  // namespace

ObjectRules ResourceRules() { return {kResource, true}; }
ObjectRules TargetRefRules() { return {kTargetRef, true}; }
ObjectRules RefRules() { return {kRef, true}; }
ObjectRules CertificateSourceRules() { return {kCertificateSource, true}; }
ObjectRules AuthenticationSpecRules() { return {kAuthenticationSpec, true}; }
ObjectRules AuthSpecRules() { return {kAuthSpec, true}; }
ObjectRules AuthTypesRules() { return {kAuthTypes, true}; }
ObjectRules AuthOAuth2Rules() { return {kAuthOAuth2, true}; }
ObjectRules AuthJwtRules() { return {kAuthJwt, true}; }
ObjectRules AuthApiKeyRules() { return {kAuthApiKey, true}; }
ObjectRules AuthApiKeyPlaceRules() { return {kAuthApiKeyPlace, true}; }
ObjectRules AuthMtlsRules() { return {kAuthMtls, true}; }
ObjectRules TokenIssuerSpecRules() { return {kTokenIssuerSpec, true}; }
ObjectRules SignatureValidationRules() { return {kSignatureValidation, true}; }
ObjectRules JwksRules() { return {kJwks, true}; }
ObjectRules ClaimMappingRules() { return {kClaimMapping, true}; }

}  // namespace sallyport::authsvc::dialects::apk
