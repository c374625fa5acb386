#include "dataplane/tls/ticket_data.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TicketData Sample(std::vector<std::string> issuers) {
  TicketData data;
  data.leaf_sha256.fill(1);
  data.chain_sha256.fill(2);
  data.full_handshake = absl::FromUnixSeconds(1'800'000'000);
  data.issuers_der = std::move(issuers);
  return data;
}

TEST(TicketData, EncodesAndDecodes) {
  const std::vector<std::vector<std::string>> all = {
      {}, {"a"}, {std::string(300, 'x'), "b"}, std::vector<std::string>(7, "c")};
  for (const auto& issuers : all) {
    TicketData data = Sample({"left over"});
    ASSERT_TRUE(DecodeTicketData(EncodeTicketData(Sample(issuers)), &data));
    EXPECT_EQ(data.leaf_sha256, Sample({}).leaf_sha256);
    EXPECT_EQ(data.chain_sha256, Sample({}).chain_sha256);
    EXPECT_EQ(data.full_handshake, Sample({}).full_handshake);
    EXPECT_EQ(data.issuers_der, issuers);
  }
}

TEST(TicketData, RefusesWhatItDidNotEncode) {
  const std::string good = EncodeTicketData(Sample({"abc"}));
  TicketData data;
  for (size_t size = 0; size < good.size(); ++size) {
    const bool whole = size == good.size() - 5;  // without issuers
    EXPECT_EQ(DecodeTicketData(good.substr(0, size), &data), whole) << size;
  }
  EXPECT_FALSE(DecodeTicketData(good + "x", &data));
  EXPECT_FALSE(DecodeTicketData(good + std::string(2, '\0'), &data)) << "an empty certificate";
  std::string other_format = good;
  other_format[0] = 1;
  EXPECT_FALSE(DecodeTicketData(other_format, &data));
  EXPECT_FALSE(DecodeTicketData(EncodeTicketData(Sample(std::vector<std::string>(8, "c"))), &data));
  EXPECT_FALSE(DecodeTicketData(
      EncodeTicketData(Sample({std::string(kMostIssuerBytes + 100, 'c')})), &data));
}

TEST(TicketData, TakesIssuersThatAreSmallEnough) {
  EXPECT_TRUE(IssuersForTicket({}).empty());
  EXPECT_TRUE(IssuersForTicket({"leaf"}).empty());
  EXPECT_EQ(IssuersForTicket({"leaf", "a", "b"}), (std::vector<std::string>{"a", "b"}));
  const std::string half(kMostIssuerBytes / 2, 'h');
  EXPECT_EQ(IssuersForTicket({std::string(9000, 'l'), half, half}).size(), 2u);
  EXPECT_TRUE(IssuersForTicket({"leaf", half, half, "x"}).empty());
  EXPECT_TRUE(IssuersForTicket(std::vector<std::string>(9, "c")).empty());
}

}  // namespace
}  // namespace sallyport::dataplane
