// The writes of service Admin. All block for the store: for the admin worker only.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/credentials.h"
#include "authsvc/rpc/parts.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc {

// A key without token hashes keeps those that are stored; a certificate's private key comes by
// AddCertificate only.
[[nodiscard]] absl::Status PutResource(const ServiceParts& parts,
                                       const ::sallyport::v1::PutRequest& request,
                                       ::sallyport::v1::PutResponse* response);
[[nodiscard]] absl::Status DeleteResource(const ServiceParts& parts,
                                          const ::sallyport::v1::DeleteRequest& request,
                                          ::sallyport::v1::DeleteResponse* response);
[[nodiscard]] absl::Status AddCertificateTo(const ServiceParts& parts,
                                            const ::sallyport::v1::AddCertificateRequest& request,
                                            ::sallyport::v1::AddCertificateResponse* response);
[[nodiscard]] absl::Status CreateKeyIn(const ServiceParts& parts,
                                       const ::sallyport::v1::CreateKeyRequest& request,
                                       ::sallyport::v1::CreateKeyResponse* response);
void FillKey(CreatedKey made, ::sallyport::v1::CreateKeyResponse* response);

}  // namespace sallyport::authsvc
