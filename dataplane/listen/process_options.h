// What the parts of a data plane are told of its configuration. Pure but for the name of the
// machine and its limit of open files.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/authorize/client_validation.h"
#include "dataplane/authorize/credential_cache.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/script/pool.h"
#include "dataplane/sync/grpc_authsvc_client.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream_tls/system_trust.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

[[nodiscard]] ExchangeSettings ExchangeSettingsOf(const config::DataplaneConfig& config);
[[nodiscard]] bool SharesTickets(const config::DataplaneConfig& config);
[[nodiscard]] GrpcAuthsvcOptions ClientOptions(const config::DataplaneConfig& config,
                                               const std::string& name);
[[nodiscard]] AuthorizeOptions DecisionOptions(const config::DataplaneConfig& config);
[[nodiscard]] CredentialOptions ResolveOptions(const config::DataplaneConfig& config);
[[nodiscard]] ValidationOptions ValidationLimits(const config::DataplaneConfig& config);
[[nodiscard]] ScriptPoolOptions ScriptOptions(const config::DataplaneConfig& config);
[[nodiscard]] ResolverOptions NameOptions(const config::DataplaneConfig& config);
[[nodiscard]] SystemTrustOptions TrustOptions(const config::DataplaneConfig& config);
// What it may hold: no more than the limit of open files affords, which it raises and says.
[[nodiscard]] uint32_t ConnectionLimit(const config::DataplaneConfig& config);
[[nodiscard]] int LoopCount(const config::DataplaneConfig& config);
[[nodiscard]] std::string ReplicaName(const config::DataplaneConfig& config);

}  // namespace sallyport::dataplane
