#include "authsvc/push/served_versions.h"

#include "gmock/gmock.h"
#include "tests/unit/authsvc/push/world.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;

v1::Resource Object(const std::string& id, std::vector<std::string> names, const std::string& least,
                    const std::string& most) {
  v1::Resource resource;
  resource.set_id(id);
  v1::DialectObject* const object = resource.mutable_dialect_object();
  object->set_id(id);
  object->set_org_id("org");
  object->set_json("{}");
  for (std::string& name : names) object->add_server_names(std::move(name));
  object->set_min_version(least);
  object->set_max_version(most);
  return resource;
}

// "least-most names", in order.
std::vector<std::string> Text(const v1::Listener* listener) {
  std::vector<std::string> all;
  if (listener == nullptr) return all;
  EXPECT_EQ(listener->id(), kServedVersionsId);
  EXPECT_EQ(listener->port(), 0u) << "nobody opens it";
  for (const v1::ServerNameTls& from : listener->server_name_tls()) {
    std::string text = from.min_version() + "-" + from.max_version();
    for (const std::string& name : from.server_names()) text += " " + name;
    all.push_back(std::move(text));
  }
  return all;
}

std::vector<std::string> Pushed(const ChangeRecord& record) {
  EXPECT_EQ(record.listeners.size(), 1u);
  return record.listeners.empty() ? std::vector<std::string>{}
                                  : Text(record.listeners[0].listener.get());
}

TEST(ServedVersions, AreThoseOfObjectsThatHaveAny) {
  World world;
  EXPECT_EQ(ServedVersions(*world.now()), nullptr);
  EXPECT_TRUE(world.Put({Object("d/1", {"a.test"}, "", "")}).listeners.empty());
  EXPECT_EQ(ServedVersions(*world.now()), nullptr);
  EXPECT_THAT(Pushed(world.Put({Object("d/1", {"a.test", "*.a.test"}, "1.3", ""),
                                Object("d/2", {"b.test"}, "", "1.2"),
                                Object("d/3", {"c.test"}, "1.3", "")})),
              ElementsAre("1.3- *.a.test a.test c.test", "-1.2 b.test"));
  EXPECT_TRUE(world.Put({Object("d/9", {"n.test"}, "", "")}).listeners.empty());
  // Also one who subscribes now.
  EXPECT_THAT(Text(ServedVersions(*world.now()).get()),
              ElementsAre("1.3- *.a.test a.test c.test", "-1.2 b.test"));
  EXPECT_THAT(Pushed(world.Put({Object("d/1", {"a.test"}, "", "1.2")})),
              ElementsAre("-1.2 a.test b.test", "1.3- c.test"));
  EXPECT_THAT(Pushed(world.Put({Object("d/2", {"b.test"}, "", "")})),
              ElementsAre("-1.2 a.test", "1.3- c.test"));
  EXPECT_THAT(Pushed(world.Erase(Kind::kDialectObject, "d/1")), ElementsAre("1.3- c.test"));
  const ChangeRecord last = world.Erase(Kind::kDialectObject, "d/3");
  ASSERT_EQ(last.listeners.size(), 1u);
  EXPECT_EQ(last.listeners[0].id, kServedVersionsId);
  EXPECT_EQ(last.listeners[0].listener, nullptr) << "removed";
}

TEST(ServedVersions, OfTwoObjectsWithANameTheOneWrittenLastCounts) {
  World world;
  (void)world.Put({Object("d/1", {"a.test"}, "1.3", "")});
  EXPECT_THAT(Pushed(world.Put({Object("d/0", {"a.test"}, "", "1.2")})),
              ElementsAre("-1.2 a.test"));
  EXPECT_THAT(Pushed(world.Put({Object("d/1", {"a.test"}, "1.3", "")})),
              ElementsAre("1.3- a.test"));
}

TEST(ServedVersions, MoreObjectsThanOnePageAreAllSeen) {
  World world;
  std::vector<v1::Resource> many;
  for (int i = 0; i < 600; ++i) {
    const std::string number = std::to_string(i);
    many.push_back(Object("d/" + number, {"n" + number + ".test"}, "1.3", ""));
  }
  (void)world.Put(std::move(many));
  ASSERT_EQ(ServedVersions(*world.now())->server_name_tls_size(), 1);
  EXPECT_EQ(ServedVersions(*world.now())->server_name_tls(0).server_names_size(), 600);
}

TEST(ServedVersions, ComeWithTheFirstPartOfASnapshot) {
  World world;
  (void)world.Put({Object("d/1", {"a.test"}, "1.3", "")});
  Hub hub(world.now(), {});
  const auto update = hub.Subscribe("", nullptr, [] {})->Take();
  std::vector<std::string> ids;
  for (const v1::RouteChange& change : update->snapshot().routes()) {
    if (change.has_put_listener()) ids.push_back(change.put_listener().id());
  }
  EXPECT_THAT(ids, ElementsAre(kServedVersionsId));
}

}  // namespace
}  // namespace sallyport::authsvc
