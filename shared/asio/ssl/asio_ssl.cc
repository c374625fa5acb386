// The compiled part of boost::asio::ssl.
#include <boost/asio/ssl/impl/src.hpp>
