#include "dataplane/exchange/tunnel_places.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sallyport::dataplane {
namespace {

using Place = TunnelPlaces::Place;

TEST(TunnelPlaces, NoMoreThanThereAre) {
  TunnelPlaces places(2);
  Place one = places.Take();
  const Place other = places.Take();
  EXPECT_TRUE(one);
  EXPECT_TRUE(other);
  EXPECT_FALSE(places.Take());
  EXPECT_FALSE(places.Take()) << "who got none takes none away";
  one = {};
  EXPECT_FALSE(one);
  EXPECT_TRUE(places.Take());
}

TEST(TunnelPlaces, NoneAtAll) {
  TunnelPlaces places(0);
  EXPECT_FALSE(places.Take());
}

TEST(TunnelPlaces, APlaceMoves) {
  TunnelPlaces places(1);
  {
    Place first = places.Take();
    Place second = std::move(first);
    EXPECT_TRUE(second);
    Place third;
    third = std::move(second);
    EXPECT_TRUE(third);
    EXPECT_FALSE(places.Take());
  }
  EXPECT_TRUE(places.Take());
}

TEST(TunnelPlaces, ManyThreads) {
  TunnelPlaces places(3);
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10'000; ++round) {
        const Place place = places.Take();
        if (!place) continue;
        const int now = ++held;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --held;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  const Place all[] = {places.Take(), places.Take(), places.Take()};
  for (const Place& place : all) EXPECT_TRUE(place);
}

}  // namespace
}  // namespace sallyport::dataplane
