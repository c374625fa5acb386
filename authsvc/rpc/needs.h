// What decisions lacked, had beside them: key sets are fetched, passwords checked.
#pragma once

#include <functional>
#include <memory>

#include "authsvc/decide/logins.h"

namespace sallyport::authsvc {

struct ServiceParts;
class Snapshot;

// `done` is called once: when all of it was found or could not be, on any thread. Does not block.
void SupplyNeeds(const ServiceParts& parts, std::shared_ptr<const Snapshot> snapshot,
                 DecisionNeeds needs, std::function<void()> done);

}  // namespace sallyport::authsvc
