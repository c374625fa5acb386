#include "authsvc/rpc/pumped_stream.h"

#include <gtest/gtest.h>

#include "sallyport/v1/identity.pb.h"

namespace sallyport::authsvc {
namespace {

using Message =
    ::sallyport::v1::Identity;  // of no stream of the service: its code would be this file's too

// Has nothing to say; counts what is asked of it.
class Quiet final : public PumpedStream<Message> {
 public:
  Quiet() : PumpedStream(&base::SystemClock(), absl::Hours(1)) {}
  int asked = 0;
  int closed = 0;

 protected:
  std::shared_ptr<const Message> Next(grpc::Status* /*broken*/) override {
    ++asked;
    return nullptr;
  }
  void Closed() override { ++closed; }
};

// News may come as soon as a stream has joined those who want it, which is before it is all there.
TEST(PumpedStream, IsAskedForNothingBeforeItBegins) {
  const auto stream = std::make_shared<Quiet>();
  stream->Pump();
  EXPECT_EQ(stream->asked, 0);
  stream->Begin();
  EXPECT_EQ(stream->asked, 1);
  stream->Pump();
  EXPECT_EQ(stream->asked, 2);
  stream->OnDone();
  EXPECT_EQ(stream->closed, 1);
}

TEST(PumpedStream, OwnsItselfFromItsBeginToItsEnd) {
  auto stream = std::make_shared<Quiet>();
  const std::weak_ptr<Quiet> alive = stream;
  Quiet* const raw = stream.get();
  stream->Begin();
  stream.reset();
  ASSERT_FALSE(alive.expired());
  raw->OnDone();
  EXPECT_TRUE(alive.expired());
}

}  // namespace
}  // namespace sallyport::authsvc
