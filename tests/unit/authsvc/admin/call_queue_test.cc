#include "authsvc/admin/call_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::admin {
namespace {

using admin_http::Responder;
using admin_http::Response;

Response Refusal(int status, absl::string_view message) {
  Response response;
  response.status = status;
  response.body = std::string(message);
  return response;
}

// The answers of calls, in the order in which the calls were added.
class Answers {
 public:
  AdmittedCall Call(const std::string& who) {
    auto promise = std::make_shared<std::promise<Response>>();
    futures_.push_back(promise->get_future());
    AdmittedCall call{
        {},
        Responder([promise](Response response) { promise->set_value(std::move(response)); }),
        who};
    return call;
  }
  std::string At(size_t index) {
    const Response response = futures_.at(index).get();
    return absl::StrCat(response.status, " ", response.body);
  }

 private:
  std::vector<std::future<Response>> futures_;
};

TEST(CallQueue, ServesOneAfterAnother) {
  Answers answers;
  std::string order;  // of the worker alone
  CallQueue queue(8, Refusal, [&](const AdmittedCall& call) {
    order += call.who;
    call.responder.Send(Refusal(200, order));
  });
  for (const char* const who : {"a", "b", "c"}) queue.Add(answers.Call(who));
  EXPECT_EQ(answers.At(0), "200 a");
  EXPECT_EQ(answers.At(1), "200 ab");
  EXPECT_EQ(answers.At(2), "200 abc");
}

TEST(CallQueue, RefusesWhatIsTooMuchAndWhatIsLeftAtTheEnd) {
  Answers answers;
  std::promise<void> begun, go_on;
  const std::shared_future<void> gone_on = go_on.get_future().share();
  auto queue = std::make_unique<CallQueue>(1, Refusal, [&](const AdmittedCall& call) {
    if (call.who == "first") begun.set_value();
    gone_on.wait();
    call.responder.Send(Refusal(200, call.who));
  });
  queue->Add(answers.Call("first"));
  begun.get_future().wait();  // it is out of the queue
  queue->Add(answers.Call("waits"));
  queue->Add(answers.Call("too much"));
  EXPECT_EQ(answers.At(2), "503 too many administrative calls at once");
  auto ended = std::async(std::launch::async, [&] { queue.reset(); });
  EXPECT_EQ(ended.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  go_on.set_value();
  ended.get();
  EXPECT_EQ(answers.At(0), "200 first");
  // The worker may have taken it before it was told to end; it answers in any case.
  const std::string left = answers.At(1);
  EXPECT_TRUE(left == "503 shutting down" || left == "200 waits") << left;
}

}  // namespace
}  // namespace sallyport::authsvc::admin
