// Why no path was found: a second, unpruned pass over at most 4 candidates and 64 steps, without
// new signatures. It can only name a failure, never accept (reference x509.md, step 6).
#pragma once

#include "authsvc/verify/edge_checks.h"
#include "authsvc/verify/issuer_pool.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {

[[nodiscard]] PathFailure ReportFailure(const PathQuestion& question, const IssuerPool& pool,
                                        SignatureChecker* signatures, NameChecker* names,
                                        size_t max_certificates);

[[nodiscard]] PathFailure MakeFailure(const Problem& problem, const crypto::Certificate* at);

}  // namespace sallyport::authsvc
