// What Tyk sessions and policies have in common: access rights and limits. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

// `access_rights`: {api id -> AccessDefinition}; also `access_rights_array` where `with_array`.
void ReadAccessRights(const Fields& object, bool with_array,
                      google::protobuf::RepeatedPtrField<v1::AccessRight>* rights);
// rate, per, quota_max, quota_renewal_rate. Leaves `limits` without what is not limited.
void FillLimits(const Fields& object, v1::Limits* limits);
// `meta_data`: values that are not text become their JSON text.
void ReadMetadata(const Fields& object, google::protobuf::Map<std::string, std::string>* metadata);

}  // namespace sallyport::authsvc::dialects
