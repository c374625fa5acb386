// Checks passwords beside decisions, and remembers what it found.
//
// A hash costs tens of milliseconds on purpose, so what may wait for one is bounded: by threads, in
// all, and for each user name, so that a flood of guesses at one does not keep the others out.
// What finds no place is not answered: the decision refuses it and the caller may come again.
// A user name that nobody has takes as long as one that somebody has: the password is tried at the
// hash of somebody of that organisation, and is wrong whatever comes of it. Only while there are
// few of these: they have a share of the places and of the threads, so that a flood of made-up
// names keeps no other out, and what finds no place then tells that nobody has the name.
//
// What is remembered of a password is a keyed hash; it goes with its key's stored hash.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/decide/logins.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::authsvc {

class Snapshot;
namespace v1 = ::sallyport::v1;

struct LoginOptions {
  size_t threads = 2;
  size_t most_waiting = 256;
  size_t most_waiting_of_one = 4;  // of one user name
  // Of names of nobody, in all and of an organisation. All threads but one check them at most; a
  // single thread checks them when no other waits.
  size_t most_nobodies = 64;
  size_t most_nobodies_of_org = 16;
  // A check that has waited so long is not made: whoever asked has given up.
  absl::Duration patience = absl::Seconds(1);
  size_t most_remembered = 100'000;  // right and wrong together
  absl::Duration right_for = absl::Minutes(10);
  absl::Duration wrong_for = absl::Seconds(30);
};

class LoginChecker : public Logins {
 public:
  using HashOpener = std::function<absl::StatusOr<base::Secret>(const v1::Key&)>;

  // `clock` must outlive it; `open` is called on its threads.
  LoginChecker(LoginOptions options, const base::Clock* clock, HashOpener open);
  // Who waits is called; checks under way are finished.
  ~LoginChecker() override;
  LoginChecker(const LoginChecker&) = delete;
  LoginChecker& operator=(const LoginChecker&) = delete;

  // One that is right stays remembered while it is asked for.
  [[nodiscard]] LoginVerdict Find(const v1::Key* key, const LoginName& name,
                                  absl::string_view password) const override;
  // `done` is called once, on a thread of this or the caller's: when all of `needs` were checked,
  // or found no place. Each login of a key that is checked already waits for that check.
  // Thread-safe, does not block.
  void Check(std::shared_ptr<const Snapshot> snapshot, std::vector<LoginNeed> needs,
             std::function<void()> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::authsvc
