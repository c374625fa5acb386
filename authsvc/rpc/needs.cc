#include "authsvc/rpc/needs.h"

#include <utility>

#include "authsvc/jwks/jwks_fetcher.h"
#include "authsvc/logins/login_checker.h"
#include "authsvc/rpc/parts.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {

void SupplyNeeds(const ServiceParts& parts, std::shared_ptr<const Snapshot> snapshot,
                 DecisionNeeds needs, std::function<void()> done) {
  if (!needs.logins.empty() && parts.logins != nullptr) {
    // std::function wants what can be copied, and passwords cannot.
    auto logins = std::make_shared<std::vector<LoginNeed>>(std::move(needs.logins));
    done = [&parts, snapshot, logins, done = std::move(done)]() mutable {
      parts.logins->Check(std::move(snapshot), std::move(*logins), std::move(done));
    };
  }
  if (needs.issuer_ids.empty() || parts.key_sets == nullptr) return done();
  parts.key_sets->Fetch(*snapshot, needs.issuer_ids, std::move(done));
}

}  // namespace sallyport::authsvc
